"""Products."""

from stripe import params as p

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, page
from membership.stripe_standin.store import Ledger

_FIELDS = "active description images metadata name statement_descriptor unit_label url"


def new_product(ledger: Ledger, **values: object) -> Json:
    """Create a product and say so."""
    product = ledger.add(
        {
            "id": new_id("product"),
            "object": "product",
            "active": True,
            "created": ledger.now,
            "images": [],
            "marketing_features": [],
            "metadata": {},
            "type": "service",
            "updated": ledger.now,
            **values,
        }
    )
    emit(ledger, "product.created", product)
    return product


@operation("POST", "/v1/products", p.ProductCreateParams, "product", f"{_FIELDS} id")
def create(ledger: Ledger, values: Json) -> Json:
    """Create a product, under an id of the caller's choice if one is given."""
    wanted = values.get("id")
    if wanted and ledger.find("product", wanted):
        raise ApiError(f"Product already exists: {wanted}", code="resource_already_exists", param="id")
    metadata = merged_metadata({}, values.pop("metadata", None))
    return new_product(ledger, **values, metadata=metadata)


@operation("GET", "/v1/products/<product_id>", p.ProductRetrieveParams, "product")
def retrieve(ledger: Ledger, values: Json, product_id: str) -> Json:
    """Return a product."""
    return ledger.get("product", product_id)


@operation("POST", "/v1/products/<product_id>", p.ProductUpdateParams, "product", f"{_FIELDS} default_price")
def update(ledger: Ledger, values: Json, product_id: str) -> Json:
    """Change a product; '' clears what may be cleared."""
    product = ledger.get("product", product_id)
    metadata = merged_metadata(product["metadata"], values.pop("metadata", None))
    if "default_price" in values:
        _check_default_price(ledger, product_id, values["default_price"])
    cleared = {name: ([] if name == "images" else None) if value == "" else value for name, value in values.items()}
    return change(ledger, product, "product.updated", **cleared, metadata=metadata, updated=ledger.now)


def _check_default_price(ledger: Ledger, product_id: str, price_id: str) -> None:
    price = ledger.refer("price", price_id, "default_price")
    if price["product"] != product_id:
        raise ApiError(f"The price {price_id} belongs to another product.", param="default_price")


@operation("GET", "/v1/products", p.ProductListParams, "product", f"{PAGING} active created ids url")
def list_products(ledger: Ledger, values: Json) -> Json:
    """List products."""
    rows = created_within(ledger.select("product"), values.get("created"))
    for name in ("active", "url"):
        if name in values:
            rows = [row for row in rows if row[name] == values[name]]
    if "ids" in values:
        rows = [row for row in rows if row["id"] in values["ids"]]
    return page(ledger, rows, values, "/v1/products", "product")
