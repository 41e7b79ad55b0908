"""What an article says of itself to machines: schema.org's NewsArticle."""

from collections.abc import Sequence
from typing import Any

from membership.articles.models import Article
from membership.articles.queries import tags_of


def news_article(article: Article, *, url: str, site_name: str, site_url: str, contributors: Sequence[str] = ()) -> dict[str, Any]:
    """Return the article as JSON-LD; contributors are readers who asked to be named."""
    publisher = {"@type": "NewsMediaOrganization", "name": site_name, "url": site_url}
    described: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.headline,
        "url": url,
        "mainEntityOfPage": url,
        "inLanguage": article.language,
        "datePublished": article.published_at.isoformat(),
        "dateModified": article.updated_at.isoformat(),
        "author": {"@type": "Person", "name": article.byline} if article.byline else publisher,
        "publisher": publisher,
        "isAccessibleForFree": True,
    }
    if article.standfirst:
        described["description"] = article.standfirst
    if article.tags:
        described["keywords"] = sorted(tags_of(article))
    if contributors:
        described["contributor"] = [{"@type": "Person", "name": name} for name in contributors]
    return described
