"""Ten more logs: tills, portals, bookings, trackers and server logs, as their tools write them."""

import numpy as np
import pandas as pd

from further_logs import shown
from logs_of_shops import Log, clickstream, csv_file, history, json_lines, with_comma


def turkish_till(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "Fiş No": h.index // 3 + 5000,
            "Mağaza": "Kadıköy",
            "Müşteri No": h["user"],
            "Ürün Kodu": h["item"],
            "Ürün Adı": h["name"],
            "Kategori": h["kind"],
            "İşlem Tarihi": h["at"].dt.strftime("%d.%m.%Y %H:%M:%S"),
            "Adet": h["units"],
            "Tutar": (h["price"] * h["units"] * 40).map(lambda x: f"₺{with_comma(x)}"),
        }
    )
    return csv_file(frame, folder, sep=";", encoding="utf-8")


def korean_clicks(folder):
    h = clickstream(("조회", "클릭", "장바구니", "구매"))
    at = [
        f"{t.year}. {t.month}. {t.day}. {'오전' if t.hour < 12 else '오후'} "
        f"{(t.hour - 1) % 12 + 1}:{t.minute:02d}:{t.second:02d}"
        for t in h["at"]
    ]
    frame = pd.DataFrame(
        {
            "회원번호": h["user"],
            "상품번호": h["item"],
            "상품명": h["name"],
            "행동": h["action"],
            "발생일시": at,
            "판매가": h["price"].map(lambda x: f"{x * 1000:,.0f}원"),
        }
    )
    return csv_file(frame, folder, encoding="cp949")


def polish_portal(folder):
    words = ("wyświetlenie", "kliknięcie", "dodanie do koszyka", "zakup")
    h = clickstream(words)
    frame = pd.DataFrame(
        {
            "id_zdarzenia": h.index + 1,
            "id_sesji": [f"s{n // 4}" for n in h.index],
            "id_użytkownika": h["user"],
            "id_oferty": h["item"],
            "nazwa_oferty": h["name"],
            "typ_zdarzenia": h["action"],
            "znacznik_czasu": h["at"].dt.strftime("%Y-%m-%dT%H:%M:%S.250+01:00"),
            "przeglądarka": "Firefox",
        }
    )
    return csv_file(frame, folder, sep="|", encoding="cp1250")


def segment(folder):
    h = clickstream(("Product Viewed", "Product Clicked", "Product Added", "Order Completed"))
    records = [
        {
            "messageId": f"ajs-{row.Index:06d}",
            "type": "track",
            "event": row.action,
            "anonymousId": f"anon-{row.user}",
            "userId": f"u{row.user}" if row.Index % 3 == 0 else None,
            "originalTimestamp": row.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "sentAt": (row.at + pd.Timedelta("2s")).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "receivedAt": (row.at + pd.Timedelta("3s")).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "context": {"ip": "10.0.0.1", "library": {"name": "analytics.js"}},
            "properties": {
                "product_id": int(row.item), "name": row.name, "category": row.kind,
                "price": row.price, "quantity": int(row.units), "currency": "USD",
            },
        }
        for row in h.itertuples()
    ]  # fmt: skip
    return json_lines(records, folder)


def hotel(folder):
    h = history()
    nights = h["units"]
    arrives = h["at"].dt.normalize() + pd.to_timedelta(20 + h.index % 30, unit="D")
    frame = pd.DataFrame(
        {
            "booking_ref": [f"BK{n + 100000}" for n in h.index],
            "guest_id": h["user"],
            "hotel_id": h["item"],
            "hotel_name": h["name"],
            "check_in": arrives.dt.strftime("%Y-%m-%d"),
            "check_out": (arrives + pd.to_timedelta(nights, unit="D")).dt.strftime("%Y-%m-%d"),
            "booked_on": h["at"].dt.strftime("%Y-%m-%d %H:%M"),
            "nights": nights,
            "adults": 2,
            "total_amount": (h["price"] * nights * 10).round(2),
            "currency": "GBP",
        }
    )
    return csv_file(frame, folder)


def bookshelf(folder):
    h = history().drop_duplicates(["user", "item"])
    stars = np.random.default_rng(2).integers(0, 6, len(h))
    frame = pd.DataFrame(
        {
            "User Id": h["user"],
            "Book Id": h["item"],
            "Title": h["name"],
            "Author": h["kind"],
            "My Rating": stars,
            "Average Rating": (3.5 + h["price"] / 60).round(2),
            "Number of Pages": 200 + h["item"] % 300,
            "Date Added": h["at"].dt.strftime("%a %b %d %H:%M:%S -0800 %Y"),
        }
    )
    return csv_file(frame, folder)


def dutch_till(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "bonnr": h.index // 2 + 80000,
            "klantnr": h["user"],
            "artikelnr": h["item"],
            "omschrijving": h["name"],
            "aantal": h["units"],
            "bedrag_in_centen": (h["price"] * h["units"] * 100).round().astype(int),
            "datum": h["at"].dt.strftime("%Y%m%d"),
            "tijd": h["at"].dt.strftime("%H%M"),
        }
    )
    return csv_file(frame, folder, sep=";")


def server_log(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "remote_host": [f"10.0.{n % 7}.{n % 250}" for n in h.index],
            "cookie": [f"c{user:x}f" for user in h["user"]],
            "time": h["at"].dt.strftime("[%d/%b/%Y:%H:%M:%S +0100]"),
            "method": "GET",
            "path": [f"/p/{item}" for item in h["item"]],
            "status": np.where(h.index % 40 == 0, 404, 200),
            "bytes": 5000 + h.index % 900,
            "referer": "-",
            "user_agent": "Mozilla/5.0 (X11)",
        }
    )
    return csv_file(frame, folder)


def indian_pharmacy(folder):
    h = history()
    units = np.where(h.index % 50 == 7, -1, h["units"])
    lakh = (h["price"] * 3000 * units).round(2)

    def grouped(x):
        whole, cents = f"{abs(x):.2f}".split(".")
        head, tail = whole[:-3], whole[-3:]
        while head:
            tail, head = f"{head[-2:]},{tail}", head[:-2]
        return f"{'-' if x < 0 else ''}{tail}.{cents}"

    frame = pd.DataFrame(
        {
            "Bill_No": [f"B/{n // 2 + 1}" for n in h.index],
            "Cust_ID": h["user"],
            "Item_Code": h["item"],
            "Item_Desc": h["name"],
            "Txn_Date": h["at"].dt.strftime("%d-%b-%y"),
            "Txn_Time": h["at"].dt.strftime("%I:%M %p"),
            "Qty": units,
            "Net_Amt": lakh.map(grouped),
            "GST%": 12,
        }
    )
    return csv_file(frame, folder)


def wide_pages(folder):
    """One row a page: five columns of items, and which place was clicked (empty: none)."""
    s = shown()
    rows = []
    for page, one in s.groupby("page"):
        at = one["at"].iloc[0]
        clicked = one[one["clicked"] == 1]["place"]
        rows.append(
            {
                "request_id": page,
                "user_id": f"U{one['user'].iloc[0]}",
                "ts": at.strftime("%Y-%m-%d %H:%M:%S"),
                **{f"item_{n + 1}": item for n, item in enumerate(one["item"])},
                "clicked_position": "" if clicked.empty else int(clicked.iloc[0]) + 1,
            }
        )
    return csv_file(pd.DataFrame(rows), folder)


_SEGMENT = {"Product Viewed": "view", "Product Clicked": "click", "Product Added": "cart",
            "Order Completed": "purchase"}  # fmt: skip

ODD = {
    "turkish-till": Log(
        turkish_till,
        {"user": "Müşteri No", "item": "Ürün Kodu", "time": "İşlem Tarihi", "quantity": "Adet",
         "value": "Tutar", "order": "Fiş No", "title": "Ürün Adı", "category": "Kategori"},
        "purchase",
        {"decimal": ",", "thousands": ".", "timezone": "Europe/Istanbul", "currency": "TRY"},
    ),
    "korean-clicks": Log(
        korean_clicks,
        {"user": "회원번호", "item": "상품번호", "time": "발생일시", "value": "판매가",
         "title": "상품명"},
        {"column": "행동", "map": {"조회": "view", "클릭": "click", "장바구니": "cart",
                                   "구매": "purchase"}},
        {"encoding": "euc_kr", "thousands": ",", "timezone": "Asia/Seoul", "currency": "KRW"},
        first="2024-02-29",
    ),
    "polish-portal": Log(
        polish_portal,
        {"user": "id_użytkownika", "item": "id_oferty", "time": "znacznik_czasu",
         "order": "id_sesji", "title": "nazwa_oferty"},
        {"column": "typ_zdarzenia", "map": {"wyświetlenie": "view", "kliknięcie": "click",
                                            "dodanie do koszyka": "cart", "zakup": "purchase"}},
        {"encoding": "cp1250"},
    ),
    "segment": Log(
        segment,
        {"user": "anonymousId", "item": "properties.product_id", "time": "originalTimestamp",
         "quantity": "properties.quantity", "unit_price": "properties.price",
         "title": "properties.name", "category": "properties.category"},
        {"column": "event", "map": _SEGMENT},
        {"currency": "USD"},
    ),
    "hotel": Log(
        hotel,
        {"user": "guest_id", "item": "hotel_id", "time": "booked_on", "value": "total_amount",
         "title": "hotel_name", "order": "booking_ref"},
        "purchase",
        {"timezone": "Europe/London", "currency": "GBP"},
    ),
    "bookshelf": Log(
        bookshelf,
        {"user": "User Id", "item": "Book Id", "time": "Date Added", "value": "My Rating",
         "title": "Title", "category": "Author"},
        "rate",
    ),
    "dutch-till": Log(
        dutch_till,
        {"user": "klantnr", "item": "artikelnr", "time": "datum", "clock": "tijd",
         "quantity": "aantal", "value": "bedrag_in_centen", "order": "bonnr",
         "title": "omschrijving"},
        "purchase",
        {"timezone": "Europe/Amsterdam", "cents": True},
    ),
    "indian-pharmacy": Log(
        indian_pharmacy,
        {"user": "Cust_ID", "item": "Item_Code", "time": "Txn_Date", "clock": "Txn_Time",
         "quantity": "Qty", "value": "Net_Amt", "order": "Bill_No", "title": "Item_Desc"},
        "purchase",
        {"thousands": ","},
    ),
}  # fmt: skip
"""Those that tell what they are; ``server_log`` and ``wide_pages`` do not."""
