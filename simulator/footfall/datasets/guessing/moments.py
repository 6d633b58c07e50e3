"""When: the form of times, the unit of numbers, and the zone that none of them names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from footfall.datasets.cells import LATEST, Unit, moments, numbers
from footfall.datasets.guessing.asking import Findings, OpenQuestion, Told
from footfall.datasets.guessing.facts import Column
from footfall.datasets.guessing.shapes import forms_of
from footfall.datasets.times import UNIVERSAL, in_english

LOOKED_AT = 400
"""Times that are tried against each form."""

READABLE = 0.9
"""Share of the times that a form must read."""

DATES = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y",
    "%d-%m-%y", "%m-%d-%y", "%Y%m%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
    "%d-%b-%Y", "%d-%b-%y", "%Y年%m月%d日", "%Y. %m. %d.", "%Y.%m.%d.", "%a %b %d %Y", "%d %m %Y",
    "%Y-%m-%d", "%Y/%m/%d",
)  # fmt: skip
CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M", "T%H:%M:%S",
    ", %H:%M", ", %H:%M:%S", ", %I:%M %p", ", %I:%M:%S %p", " %H.%M", " %H.%M.%S", " %Hh%M",
    " %H时%M分", " %H:%M Uhr", " %H:%M:%S %z", " %H%M%S", " %H%M", " - %H:%M", " %H時%M分",
    " %p %I:%M", " %p %I:%M:%S", " kl. %H:%M", " kl. %H.%M", " kl. %H:%M:%S", " um %H:%M Uhr",
    " à %H:%M", " à %Hh%M", " às %H:%M", " o %H:%M",
)  # fmt: skip
FUSED = ("%Y%m%dT%H%M%S", "%Y%m%d_%H%M%S", "%Y%m%d-%H%M%S")
WHOLE = (
    "%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y", "%d/%b/%Y:%H:%M:%S %z",
    "[%d/%b/%Y:%H:%M:%S %z]",
)  # fmt: skip
"""Forms that are no date with a time behind it."""

LONGEST = 45
"""Signs of a written time, at most."""

UNITS: tuple[Unit, ...] = ("s", "ms", "us", "ns")
EARLIEST = pd.Timestamp("1990-01-01")

ZONES = {
    "de": "Europe/Berlin", "fr": "Europe/Paris", "it": "Europe/Rome", "nl": "Europe/Amsterdam",
    "pl": "Europe/Warsaw", "ru": "Europe/Moscow", "uk": "Europe/Kyiv", "cs": "Europe/Prague",
    "sv": "Europe/Stockholm", "da": "Europe/Copenhagen", "fi": "Europe/Helsinki",
    "hu": "Europe/Budapest", "tr": "Europe/Istanbul", "id": "Asia/Jakarta", "zh": "Asia/Shanghai",
    "ja": "Asia/Tokyo", "ko": "Asia/Seoul", "no": "Europe/Oslo", "ro": "Europe/Bucharest",
    "hr": "Europe/Zagreb", "sk": "Europe/Bratislava", "bg": "Europe/Sofia", "el": "Europe/Athens",
    "vi": "Asia/Ho_Chi_Minh", "he": "Asia/Jerusalem", "fa": "Asia/Tehran", "hi": "Asia/Kolkata",
    "th": "Asia/Bangkok", "lt": "Europe/Vilnius", "lv": "Europe/Riga", "et": "Europe/Tallinn",
    "sl": "Europe/Ljubljana", "sr": "Europe/Belgrade", "ca": "Europe/Madrid",
    "is": "Atlantic/Reykjavik", "ka": "Asia/Tbilisi", "kk": "Asia/Almaty", "az": "Asia/Baku",
    "bn": "Asia/Dhaka", "ur": "Asia/Karachi", "ms": "Asia/Kuala_Lumpur", "tl": "Asia/Manila",
    "af": "Africa/Johannesburg", "mk": "Europe/Skopje", "sq": "Europe/Tirane",
    "gl": "Europe/Madrid", "eu": "Europe/Madrid", "hy": "Asia/Yerevan", "uz": "Asia/Tashkent",
    "be": "Europe/Minsk",
}  # fmt: skip
"""Where most people of a language live; not for those that are at home on several continents."""

OF_WORDS = {
    "Europe/Madrid": {"pvp", "uds", "nif", "iva"},
    "America/Mexico_City": {"rfc", "curp", "folio"},
    "America/Santiago": {"rut"},
    "America/Argentina/Buenos_Aires": {"cuit", "cuil"},
    "America/Sao_Paulo": {"cpf", "cnpj", "cupom", "cep", "uf", "frete", "usuario", "qtde",
                          "celular", "cadastro"},
    "Europe/Lisbon": {"utilizador", "encomenda", "encomendas", "telemovel", "morada", "fatura",
                      "talao", "registo", "nif"},
}  # fmt: skip
"""Words that one country of a language has and the others have not."""

OF_CONTINENTS = {
    "es": ("Europe/Madrid", "America/Mexico_City", "America/Santiago",
           "America/Argentina/Buenos_Aires"),
    "pt": ("America/Sao_Paulo", "Europe/Lisbon"),
}  # fmt: skip
"""Languages at home on several continents -> zones that words can tell."""

OF_THE_EURO = {"es": "Europe/Madrid", "pt": "Europe/Lisbon"}

OF_MONEY = {
    "GBP": "Europe/London", "BRL": "America/Sao_Paulo", "MXN": "America/Mexico_City",
    "INR": "Asia/Kolkata", "JPY": "Asia/Tokyo", "CNY": "Asia/Shanghai", "PLN": "Europe/Warsaw",
    "CHF": "Europe/Zurich", "SEK": "Europe/Stockholm", "TRY": "Europe/Istanbul",
    "HUF": "Europe/Budapest", "CZK": "Europe/Prague", "DKK": "Europe/Copenhagen",
    "NOK": "Europe/Oslo", "RON": "Europe/Bucharest", "BGN": "Europe/Sofia", "UAH": "Europe/Kyiv",
    "ILS": "Asia/Jerusalem", "SAR": "Asia/Riyadh", "AED": "Asia/Dubai", "EGP": "Africa/Cairo",
    "KRW": "Asia/Seoul", "THB": "Asia/Bangkok", "VND": "Asia/Ho_Chi_Minh", "PHP": "Asia/Manila",
    "SGD": "Asia/Singapore", "HKD": "Asia/Hong_Kong", "MYR": "Asia/Kuala_Lumpur",
    "TWD": "Asia/Taipei", "NGN": "Africa/Lagos", "KES": "Africa/Nairobi",
    "ZAR": "Africa/Johannesburg",
    "ARS": "America/Argentina/Buenos_Aires", "COP": "America/Bogota", "PEN": "America/Lima",
    "CLP": "America/Santiago", "NZD": "Pacific/Auckland", "ISK": "Atlantic/Reykjavik",
    "PKR": "Asia/Karachi", "BDT": "Asia/Dhaka", "MAD": "Africa/Casablanca", "QAR": "Asia/Qatar",
    "KWD": "Asia/Kuwait", "RSD": "Europe/Belgrade", "GEL": "Asia/Tbilisi",
}  # fmt: skip


@dataclass(frozen=True)
class Clock:
    """How a column tells time; all None: as ISO 8601, or as moments already."""

    form: str | None = None
    unit: Unit | None = None
    zoned: bool = False
    """Whether the times say themselves how far they are from UTC."""
    rivals: tuple[str, ...] = ()
    """Forms that read the times just as well, and otherwise."""
    share: float = 1.0
    """Of the times that were looked at, those that can be read."""


def clock_of(cells: pd.Series) -> Clock | None:
    """Tell how a column writes times; None where it does not."""
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        return Clock(zoned=True)
    if pd.api.types.is_datetime64_dtype(cells.dtype):
        return Clock()
    texts = cells.dropna().astype(str).str.strip()
    texts = texts[texts != ""]
    if texts.empty:
        return None
    spread = np.unique(np.linspace(0, len(texts) - 1, LOOKED_AT).astype(int))
    texts = texts.iloc[spread]
    digits = texts.str.fullmatch(r"-?\d+(\.\d*)?([eE]\+?\d+)?")
    return _of_numbers(texts) if digits.mean() > READABLE else _of_texts(texts)


def moments_of(cells: pd.Series, clock: Clock) -> pd.Series:
    """Times as moments, those that name a zone in UTC; only for comparing columns."""
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        naive: pd.Series = cells.dt.tz_convert("UTC").dt.tz_localize(None)
        return naive
    if pd.api.types.is_datetime64_dtype(cells.dtype):
        return cells
    if clock.unit is not None:
        return moments(cells, clock.unit)
    texts = in_english(cells.dropna().astype(str).str.strip())
    if clock.form is None:
        texts = texts.str.replace(UNIVERSAL, "+00:00", regex=True)
    read = pd.to_datetime(texts, format=clock.form or "ISO8601", errors="coerce", utc=True)
    return read.dt.tz_localize(None).reindex(cells.index)


def _of_numbers(texts: pd.Series) -> Clock | None:
    values = numbers(texts).dropna()
    values = values[values != 0]  # 0 is how some logs write "never"
    if values.empty:
        return None
    latest = pd.Timestamp.now("UTC") + pd.Timedelta(days=366)
    for form, width in (("%Y%m%d", 8), ("%Y%m%d%H%M", 12), ("%Y%m%d%H%M%S", 14)):
        if (texts.str.len() == width).mean() > READABLE:
            read = pd.to_datetime(texts, format=form, errors="coerce")
            good = (read >= EARLIEST) & (read <= latest.tz_localize(None))
            if good.mean() > READABLE:
                return Clock(form=form, share=float(good.mean()))
    for unit in UNITS:
        first = EARLIEST.value / {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1}[unit]
        last = latest.value / {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1}[unit]
        good = (values >= first) & (values <= min(last, LATEST[unit]))
        if good.mean() > READABLE:
            return Clock(unit=unit, zoned=True, share=float(good.mean()))
    return None


def _of_texts(texts: pd.Series) -> Clock | None:
    plain = texts.str.replace(UNIVERSAL, "+00:00", regex=True)
    iso = pd.to_datetime(plain, format="ISO8601", errors="coerce", utc=True).notna().mean()
    zoned = bool(plain.str.contains(r":\d{2}(?:[.,]\d+)?\s*[+-]\d{2}(?::?\d{2})?$").mean() > 0.5)
    if iso > READABLE:
        return Clock(zoned=zoned, share=float(iso))
    texts = in_english(texts)
    shares = {form: _readable(texts, form) for form in _forms(texts)}
    best = max(shares.values(), default=0.0)
    if best < READABLE:
        return None
    fitting = [form for form, share in shares.items() if share > best - 1e-9]
    first = pd.to_datetime(texts, format=fitting[0], errors="coerce", utc=True)
    rivals = [
        form
        for form in fitting[1:]
        if not pd.to_datetime(texts, format=form, errors="coerce", utc=True).equals(first)
    ]
    return Clock(fitting[0], None, "%z" in fitting[0], tuple(rivals), float(best))


def _forms(texts: pd.Series) -> list[str]:
    """Forms worth trying: those that read one of the first times."""
    few = [
        text for text in texts.iloc[:5] if len(text) < LONGEST and sum(map(str.isdigit, text)) > 2
    ]
    tried = [date + clock for date, clock in product(DATES, CLOCKS)] + [*FUSED]
    good = [form for form in (*tried, *WHOLE) if any(_reads(text, form) for text in few)]
    return good or list(dict.fromkeys(form for text in few for form in forms_of(text)))


def _reads(text: str, form: str) -> bool:
    try:
        dt.datetime.strptime(text, form)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return True


def _readable(texts: pd.Series, form: str) -> float:
    try:
        read = pd.to_datetime(texts, format=form, errors="coerce", utc=True)
    except (ValueError, TypeError):
        return 0.0
    now = pd.Timestamp.now("UTC") + pd.Timedelta(days=366)
    return float(((read > EARLIEST.tz_localize("UTC")) & (read <= now)).mean())


def settled(column: Column, cells: pd.Series, clock: Clock, findings: Findings) -> Clock:
    """Choose between forms that fit equally: by the order of the rows, or by asking."""
    name = f'"{column.name}"'
    if clock.unit is not None:
        why = f"{name} holds numbers such as {column.example(1)}: Unix time"
        findings.note("time_unit", clock.unit, why)
        return clock
    if clock.form is None:
        return clock
    forms = [clock.form, *clock.rivals]
    if len(forms) == 1:
        findings.note("time_format", clock.form, f"{name} holds times such as {column.example(1)}")
        return clock
    rising = [form for form in forms if _rises(cells, form)]
    if len(rising) == 1:
        why = f"so read, the rows of {name} are in the order of time; otherwise they are not"
        findings.note("time_format", rising[0], why)
        return Clock(rising[0], None, clock.zoned, share=clock.share)
    question = OpenQuestion(
        f'{column.name}: which is the day in times such as "{column.example(1)}"?',
        {form: _said(column, form) for form in forms},
        forms[0],
        "--time-format 'ANSWER'",
    )
    return Clock(findings.answer("time_format", question), None, clock.zoned, share=clock.share)


def _said(column: Column, form: str) -> str:
    read = pd.to_datetime(column.texts.head(1), format=form, errors="coerce").iloc[0]
    return f"{read:%-d %B %Y}"


def _rises(cells: pd.Series, form: str) -> bool:
    """Whether times never fall, or never rise, from row to row; one day alone tells nothing."""
    texts = in_english(cells.dropna().astype(str).str.strip())
    read = pd.to_datetime(texts, format=form, errors="coerce")
    read = read.dropna()
    steady = bool(read.is_monotonic_increasing or read.is_monotonic_decreasing)
    return steady and read.dt.normalize().nunique() > 2


def zone_of(
    clock: Clock,
    languages: tuple[str, ...],
    words: Iterable[str],
    currency: str,
    told: Told,
    findings: Findings,
) -> str:
    """The zone of times that name none; UTC, and said to be assumed, where nothing tells it."""
    if told.timezone is not None:
        return told.timezone
    if clock.zoned:
        findings.note("timezone", "UTC", "the times name their zone, or are Unix time")
        return "UTC"
    zones = _alike(ZONES.get(language, "") for language in languages)
    if len(zones) == 1 and zones[0]:
        why = "the times name none; from the language of the headers"
        findings.note("timezone", zones[0], why)
        return zones[0]
    if currency in OF_MONEY:
        zone = OF_MONEY[currency]
        findings.note("timezone", zone, f"the times name none; from the currency, {currency}")
        return zone
    local, said = _by_words(languages, set(words), currency)
    if local:
        why = f"the times name none; from {said} in this language"
        findings.note("timezone", local, why, assumed=True)
        return local
    findings.note("timezone", "UTC", "the times name none; --timezone says another", assumed=True)
    return "UTC"


def _alike(zones: Iterable[str]) -> list[str]:
    """One zone for each way of counting hours: neighbours may have the same."""
    found: dict[tuple[object, ...], str] = {}
    for zone in zones:
        days = [pd.Timestamp(2024, month, 1, tz=zone or None) for month in (1, 7)]
        found.setdefault((bool(zone), *(day.utcoffset() for day in days)), zone)
    return list(found.values())


def _by_words(languages: tuple[str, ...], words: set[str], currency: str) -> tuple[str, str]:
    """The only zone that words of one country, or the euro, tell of; "" for none."""
    found = {
        zone: said
        for language in languages
        for zone in OF_CONTINENTS.get(language, ())
        if (said := OF_WORDS[zone] & words)
    }
    if len(found) == 1:
        zone, said = found.popitem()
        return zone, ", ".join(f'"{word}"' for word in sorted(said))
    of_euro = {OF_THE_EURO[x] for x in languages if x in OF_THE_EURO}
    if currency == "EUR" and not found and len(of_euro) == 1:
        return of_euro.pop(), "the euro"
    return "", ""
