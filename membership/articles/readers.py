"""Which reader takes which file."""

from pathlib import Path
from zoneinfo import ZoneInfo

from membership.articles import markdown_reader, wordpress_reader
from membership.articles.imported_article import BrokenFile, Fault, FileContent


def read_file(path: Path, *, zone: ZoneInfo, language: str | None = None) -> FileContent:
    """Read a Markdown file or a WordPress export; language stands above what an export says of its site. Raises BrokenFile."""
    is_export = path.suffix.lower() == ".xml"
    if not is_export and path.suffix.lower() not in (".md", ".markdown"):
        raise BrokenFile(Fault("the file", "its name ends neither in .md nor in .xml"))
    bound = wordpress_reader.MAX_BYTES if is_export else markdown_reader.MAX_BYTES
    with path.open("rb") as file:
        data = file.read(bound + 1)
    if len(data) > bound:
        raise BrokenFile(Fault("the file", f"it is larger than {bound // 1024**2} MB"))
    if is_export:
        return wordpress_reader.read_wordpress(data, language=language)
    return markdown_reader.read_markdown(data, zone=zone)
