"""The moment of a visit in words: when, on what device, where, in what weather."""

from __future__ import annotations

import datetime as dt

import pandas as pd
from pydantic import Field, field_validator

from footfall.choice.protocol import Page
from footfall.luck import identity
from footfall.plumbing.spec import Spec

_PARTS = ("night", "morning", "afternoon", "evening")
"""Quarters of the day from midnight on."""


class ContextSpec(Spec):
    """What a prompt tells of the moment. Prompts then differ from visit to visit."""

    when: bool = True
    """Weekday, part of the day and month of the simulated time, UTC."""
    devices: dict[str, float] = Field(default={})
    """Device -> weight, for instance {phone: 7, computer: 3}; drawn for each visit."""
    place: str = Field(default="", max_length=80)
    """Where users are, for instance "at home"."""
    weather: dict[dt.date, str] = Field(default={})
    """Day -> weather; days that are not named have none."""

    @field_validator("devices")
    @classmethod
    def _weights_are_positive(cls, devices: dict[str, float]) -> dict[str, float]:
        if any(weight <= 0 for weight in devices.values()):
            raise ValueError("weights of devices must be above 0")
        return devices

    def words(self, page: Page) -> str:
        """One line, or "" where nothing is known."""
        parts = [self._when(page.time)] if self.when and page.time is not None else []
        if self.devices:
            parts.append(f"on a {self._device(page)}")
        if self.place:
            parts.append(self.place)
        weather = "" if page.time is None else self.weather.get(page.time.date(), "")
        if weather:
            parts.append(weather)
        text = ", ".join(parts)
        return text[:1].upper() + text[1:] + "." if text else ""

    @staticmethod
    def _when(time: pd.Timestamp) -> str:
        return f"{time.day_name()} {_PARTS[time.hour // 6]} in {time.month_name()}"

    def _device(self, page: Page) -> str:
        """The same for a user and visit in every arm."""
        place = identity(f"{page.persona.user}/{page.session}/device") / 2.0**64
        total = sum(self.devices.values())
        for name, weight in self.devices.items():
            place -= weight / total
            if place < 0:
                return name
        return next(reversed(self.devices))
