"""Column types that behave the same on SQLite and PostgreSQL, and those that keep no secret."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, ColumnElement, DateTime, Dialect, Float, Integer, Text, literal_column
from sqlalchemy.types import TypeDecorator

from controller.domain.redaction import SECRETS

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit key that the database assigns, on both."""


def one_of(column: ColumnElement[str], words: Iterable[str]) -> ColumnElement[bool]:
    """Whether a column has one of these words, which are the product's own and hold no quote.

    They are part of the statement's text: a list of parameters would be put in anew each time that it runs.
    """
    return column.in_([literal_column(f"'{word}'", Text) for word in words])


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC; SQLite keeps no zone, so it is taken off and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Real(TypeDecorator[float]):
    """A number that is no integer, also where it is whole: SQLite's RETURNING gives 4000 for 4000.0."""

    impl = Float
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        return None if value is None else float(value)


class MaskedText(TypeDecorator[str]):
    """Words for people, such as a reason; registered secrets are masked before they are kept."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else SECRETS.text(value)


class MaskedJson(TypeDecorator[object]):
    """A document; registered secrets are masked in its texts before it is kept."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> object:  # noqa: ARG002
        return SECRETS.texts(value)
