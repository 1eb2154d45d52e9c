"""What every table shares: names for constraints (so that migrations can drop them), and moments with a zone."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import DateTime, MetaData, String, literal_column
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql import ColumnElement

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The rows are the records; there are no second copies of them as other classes."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: JSONB(none_as_null=True),
    }


def one_of(column: str, values: type) -> str:
    """The CHECK of a column that holds an enum's value."""
    listed = ", ".join(f"'{value.value}'" for value in values)  # type: ignore[attr-defined]
    return f"{column} in ({listed})"


def constant(value: StrEnum) -> ColumnElement[str]:
    """Written into the statement: with a parameter in its place a prepared plan could not use a partial index."""
    return literal_column(f"'{value.value}'", String)
