"""Logs whose headers mislead or say nothing, with the events that they tell of."""

import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from further_logs import shown
from logs_of_shops import clickstream, csv_file, history, json_lines, with_comma


@dataclass
class Told:
    """A log, and what it tells."""

    file: str
    events: pd.DataFrame
    """user, item, time (local), action, and value or position where the log has it."""
    zone: str = "UTC"
    columns: dict[str, str] = field(default_factory=dict)
    """Those that a reader could get wrong."""


def events(user, item, time, action, **more):
    return pd.DataFrame({"user": user, "item": item, "time": time, "action": action, **more})


def pages():
    """What was shown, at whole seconds."""
    s = shown()
    return s.assign(at=s["at"].dt.floor("s"))


def orders():
    """The history as orders of a few lines: each of one user at one moment, no item twice."""
    h = history()
    number = h.index // 3
    h["user"] = h["user"].to_numpy()[number * 3]
    h["at"] = h["at"].to_numpy()[number * 3]
    h["order"] = number
    return h.drop_duplicates(["order", "item"]).reset_index(drop=True)


def marketplace(folder):
    """Each order has a customer id of its own; people have another. A fee is called a value."""
    h = orders()
    frame = pd.DataFrame(
        {
            "order_id": [f"o{n:05d}" for n in h["order"]],
            "customer_id": [f"c{n:05d}" for n in h["order"]],
            "customer_unique_id": [f"u{user}" for user in h["user"]],
            "order_purchase_timestamp": h["at"],
            "order_delivered_date": h["at"] + pd.Timedelta("9D"),
            "product_id": [f"p{item}" for item in h["item"]],
            "price": h["price"],
            "freight_value": (h["price"] / 5).round(2),
        }
    )
    what = events(frame["customer_unique_id"], frame["product_id"], h["at"], "purchase",
                  value=h["price"])  # fmt: skip
    return Told(csv_file(frame, folder), what)


def shop_export(folder):
    """Orders that were cancelled or refunded are no purchases; PayPal is none either."""
    h = orders()
    status = np.where(h["order"] % 7 == 3, "refunded", "completed")
    status = np.where(h["order"] % 9 == 4, "cancelled", status)
    frame = pd.DataFrame(
        {
            "Order Number": h["order"],
            "Order Status": status,
            "Order Date": h["at"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "Payment Method Title": "PayPal",
            "Customer User ID": h["user"],
            "SKU": h["item"],
            "Quantity": h["units"],
            "Item Cost": h["price"],
        }
    )
    what = events(h["user"], h["item"], h["at"], "purchase", value=h["price"] * h["units"])
    return Told(csv_file(frame, folder), what[status == "completed"])


def warehouse(folder):
    """Constant columns, an event without an item, a later time beside the time of the event."""
    h = clickstream(("product_view", "product_click", "add_to_basket", "page_ping"))
    none = h["action"] == "page_ping"
    frame = pd.DataFrame(
        {
            "app_id": "shop",
            "etl_tstamp": h["at"] + pd.Timedelta("1h"),
            "created_tstamp": h["at"],
            "event_name": h["action"],
            "user_pseudo_id": h["user"],
            "item_list_id": "(not set)",
            "item_id": h["item"].astype(str).mask(none, ""),
        }
    )
    words = {"product_view": "view", "product_click": "click", "add_to_basket": "cart"}
    what = events(h["user"], h["item"], h["at"], h["action"].map(words))[~none]
    return Told(csv_file(frame, folder), what)


def watched(folder):
    """A local time and the Unix time of the same moment: the second names its zone."""
    h = history()
    frame = pd.DataFrame(
        {
            "user_id": h["user"],
            "video_id": h["item"],
            "play_duration": 1000 + h.index,
            "time": h["at"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "timestamp": h["at"].astype("int64") / 1e9 - 8 * 3600 + 0.25,
        }
    )
    return Told(csv_file(frame, folder), events(h["user"], h["item"], h["at"], "click"),
                "Asia/Shanghai")  # fmt: skip


def searched(folder):
    """What was looked for stands in all rows of a page, and is no item; "ad" is no Turkish name."""
    s = pages()
    frame = pd.DataFrame(
        {
            "SearchID": s["page"],
            "AdID": s["item"] + 500,
            "Position": s["place"] + 1,
            "destination_id": s["page"] % 17,
            "IsClick": s["clicked"],
            "SearchDate": s["at"].dt.strftime("%Y-%m-%d %H:%M:%S.0"),
            "UserID": s["user"],
        }
    )
    return Told(csv_file(frame, folder, sep="\t"), page_events(s, item=lambda n: n + 500),
                columns={"page": "SearchID"})  # fmt: skip


def page_events(s, user=str, item=str, *, position=True):
    views = events(s["user"].map(user), s["item"].map(item), s["at"], "view")
    if position:
        views["position"] = s["place"] + 1.0
    return pd.concat([views, views[s["clicked"] == 1].assign(action="click")])


def of_pages(s, row):
    """One record a page."""
    return [row(page, rows, rows.iloc[0]) for page, rows in s.groupby("page")]


def shown_and_clicked(folder):
    """Lists of JSON: what was shown, and which of it was clicked."""
    s = pages()
    records = of_pages(s, lambda page, rows, first: {
        "request_id": f"r{page}", "user_id": f"u{first['user']}",
        "timestamp": int(first["at"].timestamp() * 1000),
        "shown_items": [f"i{n}" for n in rows["item"]],
        "clicked_items": [f"i{n}" for n in rows["item"][rows["clicked"] == 1]],
    })  # fmt: skip
    return Told(json_lines(records, folder), page_events(s, "u{}".format, "i{}".format))


def polish(folder):
    """Lists under headers of a language, of a place with a clock of its own."""
    s = pages()
    records = of_pages(s, lambda page, rows, first: {
        "czas": first["at"].strftime("%Y-%m-%dT%H:%M:%S"), "id_uzytkownika": int(first["user"]),
        "wyswietlone": rows["item"].tolist(),
        "klikniete": rows["item"][rows["clicked"] == 1].tolist(),
    })  # fmt: skip
    return Told(json_lines(records, folder), page_events(s), "Europe/Warsaw")


def marked(folder):
    """As MIND has them: N1-0 N2-1; in no order, so that there are no places."""
    s = pages()
    rows = of_pages(s, lambda page, rows, first: {
        "impression_id": page, "user_id": f"U{first['user']}",
        "time": first["at"].strftime("%-m/%-d/%Y %-I:%M:%S %p"),
        "history": "N1 N2 N3",
        "impressions": " ".join(f"N{r.item}-{r.clicked}" for r in rows.itertuples()),
    })  # fmt: skip
    what = page_events(s, "U{}".format, "N{}".format, position=False)
    return Told(csv_file(pd.DataFrame(rows), folder, sep="\t"), what)


def arrays(folder):
    """Texts of arrays: the items, whether each was clicked, and its chance."""
    s = pages()
    rows = of_pages(s, lambda page, rows, first: {
        "page_id": page, "user": first["user"], "time": first["at"],
        "items": json.dumps(rows["item"].tolist()), "clicks": json.dumps(rows["clicked"].tolist()),
        "probs": json.dumps(rows["chance"].round(6).tolist()),
    })  # fmt: skip
    file = csv_file(pd.DataFrame(rows), folder)
    return Told(file, page_events(s), columns={"propensity": "probs"})


def typed_arrays(folder):
    s = pages()
    rows = of_pages(s, lambda page, rows, first: {
        "impression_ts": first["at"].tz_localize("UTC"), "member_id": first["user"],
        "slate_id": page,
        "slate_item_ids": rows["item"].tolist(), "clicks": (rows["clicked"] == 1).tolist(),
    })  # fmt: skip
    pd.DataFrame(rows).to_parquet(folder / "slates.parquet")
    return Told("slates.parquet", page_events(s))


def clickouts(folder):
    """A cell with what was shown, and the one that was clicked; other rows list nothing."""
    s = pages()
    s = s[s["page"].isin(s["page"][s["clicked"] == 1])]
    first = s[s["clicked"] == 1].drop_duplicates("page").index
    s = s.assign(clicked=s.index.isin(first).astype(int))
    rows = of_pages(s, lambda page, rows, first: {
        "user_id": f"U{first['user']}", "session_id": f"s{page}",
        "timestamp": int(first["at"].timestamp()), "action_type": "clickout item",
        "reference": str(rows["item"][rows["clicked"] == 1].iloc[0] + 2000),
        "impressions": "|".join(str(n + 2000) for n in rows["item"]),
    })  # fmt: skip
    looked = {"action_type": "search", "reference": "Lisbon", "impressions": ""}
    other = [{**row, **looked} for row in rows]
    what = page_events(s, "U{}".format, lambda n: n + 2000)
    return Told(csv_file(pd.DataFrame(rows + other), folder), what)


def feed(folder):
    """Records of what was shown, and beside them a list of what was opened."""
    s = pages()
    records = of_pages(s, lambda page, rows, first: {
        "server_ts": first["at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "viewer": {"id": f"u{first['user']}"},
        "cards": [{"post_id": f"p{r.item}", "rank": int(r.place)} for r in rows.itertuples()],
        "opened": [f"p{n}" for n in rows["item"][rows["clicked"] == 1]],
    })  # fmt: skip
    return Told(json_lines(records, folder), page_events(s, "u{}".format, "p{}".format))


def ticked(folder):
    """A mark where it was clicked, and nothing where not; apostrophes between thousands."""
    s = pages()
    price = [f"CHF {500 + item * 97.5:,.2f}".replace(",", "'") for item in s["item"]]
    frame = pd.DataFrame(
        {
            "Seitenaufruf": s["page"],
            "Zeitpunkt": s["at"].dt.strftime("%d.%m.%y %H:%M:%S"),
            "Kundin": s["user"],
            "Artikel": s["item"],
            "Platz": s["place"] + 1,
            "Preis": price,
            "geklickt": np.where(s["clicked"] == 1, "x", ""),
        }
    )
    return Told(csv_file(frame, folder, sep=";"), page_events(s), "Europe/Berlin",
                {"unit_price": None, "value": "Preis"})  # fmt: skip


def stamps(folder):
    """An id for each thing shown, beside that of the page; the time of a click, or nothing."""
    s = pages()
    clicked = (s["at"] + pd.Timedelta("9s")).astype(str).where(s["clicked"] == 1, "")
    frame = pd.DataFrame(
        {
            "impression_id": np.arange(len(s)),
            "page_view_id": s["page"],
            "customer_id": s["user"],
            "product_id": s["item"],
            "position": s["place"],
            "shown_at": s["at"],
            "clicked_at": clicked,
        }
    )
    return Told(csv_file(frame, folder), page_events(s), columns={"page": "page_view_id"})


def basket_lists(folder):
    """A basket a row: what was bought, in one cell."""
    h = orders()
    rows = [
        {"order_no": f"O{n}", "customer_no": f"C{lines['user'].iloc[0]}",
         "placed_at": lines["at"].iloc[0].strftime("%Y/%m/%d %H:%M:%S"),
         "products": ";".join(f"SKU{n}" for n in lines["item"])}
        for n, lines in h.groupby("order")
    ]  # fmt: skip
    what = events([f"C{n}" for n in h["user"]], [f"SKU{n}" for n in h["item"]], h["at"], "purchase")
    return Told(csv_file(pd.DataFrame(rows), folder), what)


def hungarian(folder):
    """Blanks between thousands, a point behind each part of the date, the card of a customer."""
    h = orders()
    price = (h["price"] * 100).round()
    blank = [f"{x:,.0f} Ft".replace(",", "\u00a0") for x in price]
    frame = pd.DataFrame(
        {
            "Nyugtaszám": h["order"],
            "Törzsvásárlói kártya": h["user"],
            "Cikkszám": h["item"],
            "Mennyiség (db)": h["units"],
            "Egységár": blank,
            "Dátum": h["at"].dt.strftime("%Y. %m. %d. %H:%M:%S"),
        }
    )
    what = events(h["user"], h["item"], h["at"], "purchase", value=price * h["units"])
    return Told(csv_file(frame, folder, sep=";", encoding="cp1250"), what, "Europe/Budapest")


def arabic(folder):
    """A currency that nobody listed, halves of the day."""
    h = orders()
    at = [t.strftime("%d/%m/%Y %I:%M:%S ") + ("ص" if t.hour < 12 else "م") for t in h["at"]]
    frame = pd.DataFrame(
        {
            "رقم الطلب": h["order"],
            "رقم العميل": h["user"],
            "رمز المنتج": h["item"],
            "الكمية": h["units"],
            "سعر الوحدة": [f"{x:.2f} ر.س" for x in h["price"]],
            "تاريخ الطلب": at,
        }
    )
    what = events(h["user"], h["item"], h["at"], "purchase", value=h["price"] * h["units"])
    return Told(csv_file(frame, folder), what, "Asia/Riyadh")


def icelandic(folder):
    """Months in words, points between thousands and behind the currency."""
    months = ("janúar", "febrúar", "mars", "apríl", "maí")
    h = orders()
    price = (h["price"] * 100).round()
    frame = pd.DataFrame(
        {
            "Pöntunarnúmer": h["order"],
            "Viðskiptavinur": h["user"],
            "Vörunúmer": h["item"],
            "Magn": h["units"],
            "Einingarverð": [f"{with_comma(x)[:-3]} kr." for x in price],
            "Dagsetning": [
                f"{t.day}. {months[t.month - 1]} {t.year} kl. {t:%H:%M:%S}" for t in h["at"]
            ],
        }
    )
    what = events(h["user"], h["item"], h["at"], "purchase", value=price * h["units"])
    return Told(csv_file(frame, folder, sep=";", encoding="cp1252"), what, "Atlantic/Reykjavik")


def lithuanian(folder):
    h = clickstream(("peržiūra", "paspaudimas", "įdėta į krepšelį", "pirkimas"))
    frame = pd.DataFrame(
        {
            "Data": h["at"].dt.strftime("%Y.%m.%d"),
            "Laikas": h["at"].dt.strftime("%H:%M:%S"),
            "Pirkėjo kodas": h["user"],
            "Prekės kodas": h["item"],
            "Veiksmas": h["action"],
            "Kaina, €": [f"{x:.2f}".replace(".", ",") for x in h["price"]],
        }
    )
    words = {"peržiūra": "view", "paspaudimas": "click", "įdėta į krepšelį": "cart",
             "pirkimas": "purchase"}  # fmt: skip
    file = csv_file(frame, folder, name="ivykiai.csv.gz", sep=";")
    what = events(h["user"], h["item"], h["at"], h["action"].map(words))
    return Told(file, what, "Europe/Vilnius")


def loans(folder):
    """Dates and times of day with types of their own."""
    h = history()
    frame = pd.DataFrame(
        {
            "Član": h["user"],
            "Inventarna št.": h["item"],
            "Datum nakupa": h["at"].dt.date,
            "Ura nakupa": h["at"].dt.time,
        }
    )
    frame.to_parquet(folder / "nakupi.parquet")
    return Told("nakupi.parquet", events(h["user"], h["item"], h["at"], "purchase"),
                "Europe/Ljubljana")  # fmt: skip


TELLING = {
    write.__name__: write
    for write in (
        marketplace, shop_export, warehouse, watched, searched, shown_and_clicked, polish, marked,
        arrays, typed_arrays, clickouts, feed, ticked, stamps, basket_lists, hungarian, arabic,
        icelandic, lithuanian, loans,
    )
}  # fmt: skip
