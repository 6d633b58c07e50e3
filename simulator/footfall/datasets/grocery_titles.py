"""Say a grocer's product hierarchy the way a shopper would.

"FLUID MILK WHITE ONLY" + "1 GA" + Private becomes "White milk, 1 gallon (store brand)".
Types that are only half a name ("PREMIUM", under "ICE CREAM/MILK/SHERBTS") get the noun of
their category. Names were cut to 30 characters at the source; what follows an unclosed
bracket is left out, and frequent truncated words are completed.
"""

from __future__ import annotations

import re

NAMES = {
    # Types whose words need more than expanding, in order of how often they are bought.
    "FLUID MILK WHITE ONLY": "White milk",
    "SOFT DRINKS 12/18&15PK CAN CAR": "Soft drink, multi-pack of cans",
    "YOGURT NOT MULTI-PACKS": "Yogurt, single cup",
    "YOGURT MULTI-PACKS": "Yogurt, multi-pack",
    "SFT DRNK 2 LITER BTL CARB INCL": "Soft drink, large bottle",
    "MAINSTREAM WHITE BREAD": "White bread",
    "CANDY BARS (SINGLES)(INCLUDING": "Candy bar",
    "SS ECONOMY ENTREES/DINNERS ALL": "Frozen dinner, budget, single serving",
    "BEERALEMALT LIQUORS": "Beer, ale or malt liquor",
    "FRZN SS PREMIUM ENTREES/DNRS/N": "Frozen dinner, premium, single serving",
    "FRZN SS PREMIUM ENTREES/DNRS/T": "Frozen dinner, traditional, single serving",
    "FRZN MULTI SERVE ENTREES ALL": "Frozen dinner, family size",
    "SNACK CAKE - MULTI PACK": "Snack cakes, multi-pack",
    "DAIRY CASE 100% PURE JUICE - O": "Orange juice, chilled",
    "DAIRY CASE 100% PURE JUICE OTH": "Fruit juice, 100% pure, chilled",
    "DAIRY CASE JUICE DRNK UNDER 10": "Juice drink, chilled",
    "DAIRY CASE FRUIT DRINKS (NO JU": "Fruit drink, chilled",
    "DAIRY CASE CITRUS PNCH/OJ SUBS": "Citrus punch, chilled",
    "DAIRY CASE TEA WITH SUGAR OR S": "Sweetened tea, chilled",
    "MAINSTREAM WHEAT/MULTIGRAIN BR": "Wheat or multigrain bread",
    "FRZN BAGGED VEGETABLES - PLAIN": "Frozen vegetables, bag",
    "FRZN BOXED VEGETABLES - PLAIN": "Frozen vegetables, box",
    "FRZN BAGGED VEGETABLES- VALUE": "Frozen vegetables with sauce, bag",
    "FRZN BOXED VEGETABLES- VALUE A": "Frozen vegetables with sauce, box",
    "SFT DRNK SNGL SRV BTL CARB (EX": "Soft drink, single bottle",
    "SFT DRNK MLT-PK BTL CARB (EXCP": "Soft drink, multi-pack of bottles",
    "SOFT DRINKS 20PK&24PK CAN CARB": "Soft drink, large pack of cans",
    "SOFT DRINKS 6PK/4PK CAN CARB (": "Soft drink, small pack of cans",
    "SOFT DRINK BOTTLE NON-CARB (EX": "Still soft drink, bottle",
    "SOFT DRINKS CAN NON-CARB (EXCE": "Still soft drink, can",
    "SOFT DRINK POWDER POUCHES": "Drink powder, pouch",
    "SOFT DRINK CANISTERS": "Drink powder, canister",
    "RTS SOUP: CHUNKY/HOMESTYLE ET": "Chunky soup, ready to serve",
    "CONDENSED SOUP": "Condensed soup",
    "POURABLE SALAD DRESSINGS": "Salad dressing",
    "SEMI-SOLID SALAD DRESSING MAY": "Mayonnaise or sandwich spread",
    "PRIMAL": "Beef, primal cut",
    "CHOICE BEEF": "Beef, choice grade",
    "SELECT BEEF": "Beef, select grade",
    "ANGUS": "Angus beef",
    "LEAN": "Lean ground beef",
    "SOUP/STEW": "Beef for soup or stew",
    "PATTIES": "Beef patties",
    "ENHANCED": "Pork, seasoned",
    "RIBS": "Pork ribs",
    "TOILET TISSUE": "Toilet paper",
    "PAPER TOWELS & HOLDERS": "Paper towels",
    "FACIAL TISSUE & PAPER HANDKE": "Facial tissues",
    "IWS SINGLE CHEESE": "Sliced cheese, individually wrapped",
    "NATURAL CHEESE EXACT WT CHUNKS": "Natural cheese, chunk",
    "NATURAL CHEESE EXACT WT SLICES": "Natural cheese, slices",
    "BABY FOOD - BEGINNER": "Baby food, beginner",
    "BABY FOOD JUNIOR ALL BRANDS": "Baby food, junior",
    "PASTA: CANNED": "Canned pasta",
    "CHILI: CANNED": "Canned chili",
    "ISOTONIC DRINKS SINGLE SERVE": "Sports drink, single bottle",
    "ISOTONIC DRINKS MULTI-SERVE": "Sports drink, large bottle",
    "MARGARINE: TUBS AND BOWLS": "Margarine, tub",
    "MARGARINE STICK": "Margarine, sticks",
    "ASEPTIC PACK JUICE AND DRINKS": "Juice boxes",
    "SOUR CREAMS": "Sour cream",
    "MACARONI & CHEESE DNRS": "Macaroni and cheese dinner",
    "SWEET GOODS - FULL SIZE": "Pastries, full size",
    "ALL FAMILY CEREAL": "Family cereal",
    "SALAD BAR FRESH FRUIT": "Fresh fruit from the salad bar",
    "NON-CRBNTD DRNKING/MNERAL WATE": "Still water",
    "NON-CARB FLVRD DRNKNG/MNRL WAT": "Still flavored water",
    "NON-CARB WATER FLVR - DRNK/MNR": "Still flavored water",
    "SGL SV/VEND MACH SNACKS CHIP/P": "Chips or pretzels, single serving",
    "CANNED CAT FOOD (9 LIVES/FRISK": "Cat food, canned",
    "CAN CATFD GOURMET/SUP PREM (GR": "Cat food, gourmet, canned",
    "DRY CAT FOOD (CAT CHOW/FRISKIE": "Cat food, dry",
    "CAN DOG FOOD (SKIPPY/PEDIGREE/": "Dog food, canned",
    "CAN DOGFD GOURMET/SUPER PREM (": "Dog food, gourmet, canned",
    "DRY DOG FOOD PREMIUM (ALPO/PUR": "Dog food, premium, dry",
    "FRUIT BOWL AND CUPS": "Fruit cups",
    "VARIETY BEANS - KIDNEY PINTO": "Canned beans, kidney or pinto",
    "PREPARED BEANS - BAKED W/PORK": "Baked beans with pork",
    "RAMEN NOODLES/RAMEN CUPS": "Ramen noodles",
    "BEANS GREEN: FS/WHL/CUT": "Green beans, canned",
    "TOMATOES: STEWED/DICED/CRMD": "Canned tomatoes",
    "SANDWICHES&HANDHELDS": "Frozen sandwiches",
    "SNACKS/APPETIZERS": "Frozen snacks and appetizers",
    "PIZZA/ECONOMY": "Frozen pizza, budget",
    "PIZZA/TRADITIONAL": "Frozen pizza, traditional",
    "PIZZA/PREMIUM": "Frozen pizza, premium",
    "SMOKED/COOKED": "Smoked sausage",
    "CANDY BARS (MULTI PACK)": "Candy bars, multi-pack",
    "CANDY BAGS-CHOCOCLATE": "Chocolate candy, bag",
    "CANDY BAGS-NON CHOCOLATE": "Candy, bag",
    "SEASONAL CANDY BAGS-CHOCOLATE": "Seasonal chocolate candy, bag",
    "MISCELLANEOUS CANDY (INCLUDING": "Assorted candy",
    "MINTS CANDY & BREATH (NOT LIF": "Breath mints",
    "GUM (PACKAGED)": "Chewing gum, pack",
    "CARDS EVERYDAY": "Greeting card",
    "CARDS SEASONAL": "Seasonal greeting card",
    "REFRIGERATED BISCUITS REGULAR": "Refrigerated biscuit dough",
    "REFRIGERATED SPECILATY ROLLS": "Refrigerated roll dough",
    "REFRIGERATED COOKIES-CHUB": "Refrigerated cookie dough",
    "REFRIGERATED COFFEE CREAMERS": "Coffee creamer, refrigerated",
    "MEXICAN SAUCESSALSAPICANTEE": "Salsa",
    "MEXICAN TACO TOSTADO SHELLS": "Taco shells",
    "CHEESE CRACKERS (CHEEZ-ITS/GOL": "Cheese crackers",
    "SOUP CRACKERS (SALTINE/OYSTER)": "Saltine crackers",
    "BUTTER SPRAY CRACKER (RITZ/CLU": "Butter crackers",
    "CROUTONS SALAD TOPPERS BREAD": "Croutons and salad toppings",
    "FRZN BREADED PREPARED CHICK": "Breaded chicken, frozen",
    "FRZN GARLIC BREAD/TOAST/STICKS": "Garlic bread, frozen",
    "FRZN TATER TOTS/OTHER EXTRUDED": "Tater tots, frozen",
    "FRZN BREAKFAST ENTREES/SANDWIC": "Frozen breakfast sandwiches",
    "FRZN BRD STICK/PORTON": "Fish sticks, frozen",
    "STICKS/ENROBED": "Ice cream bars",
    "WATER ICE": "Ice pops",
    "ICE - CRUSHED/CUBED": "Bag of ice",
    "CATSUP": "Ketchup",
    "SALAD MUSTARD": "Mustard",
    "SW GDS:DONUTS": "Donuts",
    "SW GDS: SW ROLLS/DAN": "Sweet rolls or Danish",
    "CANISTER POTATO/TORT CHIPS": "Potato crisps, canister",
    "REGULAR GARDEN": "Garden salad mix",
    "GARDEN PLUS": "Garden salad mix, with extras",
    "BLENDS": "Salad blend",
    "HEAD LETTUCE": "Head of lettuce",
    "VARIETY LETTUCE": "Specialty lettuce",
    "VEGETABLES ALL OTHER": "Other fresh vegetables",
    "GREENS": "Fresh greens",
    "PREMIUM - MEAT": "Hot dogs, premium",
    "ECONOMY - MEAT": "Hot dogs, budget",
    "PREMIUM - BEEF": "Beef hot dogs, premium",
    "ROLLS - PORK": "Pork breakfast sausage, roll",
    "LINKS - RAW": "Breakfast sausage links",
    "BREAST - BONELESS(IQF)": "Boneless chicken breast, frozen",
    "WINGS (IQF)": "Chicken wings, frozen",
    "GRND/PATTY - FROZEN": "Ground meat or patties, frozen",
    "SEAFOOD-FRZ-RAW FILLETS": "Fish fillets, frozen",
    "SEAFOOD-FRZ-IQF RAW SHRIMP RW": "Raw shrimp, frozen",
    "MEAT: LUNCHMEAT BULK": "Deli lunchmeat",
    "MEAT: TURKEY BULK": "Deli turkey",
    "MEAT:HAM BULK": "Deli ham",
    "MEAT: BEEF BULK": "Deli beef",
    "MEAT: SAUS DRY BULK": "Deli salami and dry sausage",
    "CHEESE: NATURAL BULK": "Deli natural cheese",
    "CHEESE: PROCESSED BULK": "Deli processed cheese",
    "CHEESE:SPECIALTY PREPACK": "Specialty cheese",
    "CHIX: ROTISSERIE (HOT)": "Rotisserie chicken, hot",
    "CHIX:FRD 8PC/CUT UP (HOT)": "Fried chicken, 8 pieces, hot",
    "PREP FD: SIDE DISHES (HOT)": "Prepared side dish, hot",
    "SAL:SALSA/DPS-PRPCK": "Salsa or dip, deli",
    "LUNCH COMBO": "Packed lunch combination",
    "SOLID/STK DEODORANTS": "Deodorant stick",
    "ANTIPERSPIRANTS ONLY (ALL OTHE": "Antiperspirant",
    "FEM. HYGN.NAPKINS": "Sanitary pads",
    "FEM. HYGN. TAMPONS": "Tampons",
    "ADULT ANALGESICS": "Pain reliever",
    "ANTI-ACIDS": "Antacid",
    "COUGH SYRP/LOZNG-DRP/XPCTRNT": "Cough syrup or drops",
    "ORAL HYGIENE BRUSHES": "Toothbrush",
    "MOUTHWASH RINSES AND SPRAYS": "Mouthwash",
    "HAIR CONDITIONERS AND RINSES": "Hair conditioner",
    "FITNESS&DIET - BARS": "Nutrition bars",
    "VAC PAC NUTS(CANS)": "Nuts, canned",
    "BLENDED JUICE&COMBINATIONS (OV": "Blended fruit juice",
    "APPLE JUICE & CIDER (OVER 50%": "Apple juice or cider",
    "CRANAPPLE CRAN GRAPE JUICE (5": "Cranberry juice blend",
    "CRANBERRY JUICE (50% AND UNDER": "Cranberry juice drink",
    "VEG JUICE (EXCEPT TOMATO) (OVE": "Vegetable juice",
    "FRUIT DRINKS: CANNED & GLASS (": "Fruit drink",
    "GRAPE JUICE (OVER 50% JUICE)": "Grape juice",
    "MALTED MLK/SYRUP/PWDRS (EGGNOG": "Chocolate milk mix",
    "NON DAIRY CREAMER: DRY": "Coffee creamer, powdered",
    "MANDARIN ORANGES/CITRUS SECT": "Mandarin oranges, canned",
    "MUSHROOMS CND & GLASS": "Mushrooms, canned",
    "GARBAGE KITCHEN COMPACTOR BA": "Trash bags",
    "PLSTC CTLRYTBLCLTHSTTHPKSST": "Plastic cutlery, tablecloths and toothpicks",
    "DESIGNER PAPER: MEDIUM WEIGHT": "Paper plates, decorated",
    "INSIDE FROST BULBS": "Light bulbs",
    "POPULAR 750ML WINES": "Table wine",
    "COVERGIRL": "CoverGirl makeup",
    "MAYBELLINE": "Maybelline makeup",
    "GADGETS/TOOLS": "Kitchen gadgets",
    "INSTORE CUT FRUIT": "Fresh-cut fruit",
    "TOMATOES VINE RIPE BULK": "Vine-ripe tomatoes",
    "TOMATOES HOTHOUSE ON THE VINE": "Hothouse tomatoes on the vine",
    "ROMA TOMATOES (BULK/PKG)": "Roma tomatoes",
    "TOMATOES GRAPE": "Grape tomatoes",
    "CARROTS MINI PEELED": "Baby carrots",
    "PEPPERS GREEN BELL": "Green bell peppers",
    "PEPPERS RED BELL": "Red bell peppers",
    "ORANGES NAVELS ALL": "Navel oranges",
    "PEACHES YELLOW FLESH": "Yellow peaches",
    "CANTALOUPE WHOLE": "Whole cantaloupe",
    "GRAPES RED": "Red grapes",
    "GRAPES WHITE": "White grapes",
    "CORN YELLOW": "Yellow corn",
    "PEAS GREEN": "Green peas, canned",
    "BROCCOLI WHOLE&CROWNS": "Broccoli",
    "ONIONS SWEET (BULK&BAG)": "Sweet onions",
    "ONIONS YELLOW (BULK&BAG)": "Yellow onions",
    "ONIONS WHITE (BULK&BAG)": "White onions",
    "ONIONS RED (BULK&BAG)": "Red onions",
    "POTATOES RUSSET (BULK&BAG)": "Russet potatoes",
    "POTATOES RED (BULK&BAG)": "Red potatoes",
    "POTATOES SWEET&YAMS": "Sweet potatoes or yams",
    "APPLES GALA (BULK&BAG)": "Gala apples",
    "APPLES FUJI (BULK&BAG)": "Fuji apples",
    "APPLES BRAEBURN (BULK&BAG)": "Braeburn apples",
    "APPLES RED DELICIOUS (BULK&BAG": "Red Delicious apples",
    "APPLES GOLD DELICIOUS (BULK&BA": "Golden Delicious apples",
    "APPLES GRANNY SMITH (BULK&BAG)": "Granny Smith apples",
    "CHICKEN BREAST BONELESS": "Boneless chicken breast",
    "CHICKEN BREAST BONE IN": "Bone-in chicken breast",
    "CHICKEN DRUMS": "Chicken drumsticks",
    "EGGS - X-LARGE": "Eggs, extra large",
}
"""Written by hand for the most bought product types; the rest goes by the rules below."""

NOUNS = {
    # What the shelf is called, for types that only say which kind of it.
    "BACON": "bacon",
    "BABY FOODS": "baby food",
    "BATH": "bath product",
    "BEEF": "beef",
    "BREAKFAST SAUSAGE/SANDWICHES": "breakfast sausage",
    "CHICKEN": "chicken",
    "COLD AND FLU": "cold remedy",
    "DELI MEATS": "deli meat",
    "DIETARY AID PRODUCTS": "dietary aid",
    "DINNER SAUSAGE": "dinner sausage",
    "DOMESTIC WINE": "wine",
    "EGGS": "eggs",
    "FLUID MILK PRODUCTS": "milk",
    "FROZEN MEAT": "frozen meat",
    "FRUIT - SHELF STABLE": "canned",
    "HEAT/SERVE": "heat-and-serve",
    "HOT DOGS": "hot dogs",
    "ICE CREAM/MILK/SHERBTS": "ice cream",
    "IMPORTED WINE": "imported wine",
    "LAMB": "lamb",
    "LUNCHMEAT": "lunchmeat",
    "MAGAZINE": "magazine",
    "MAKEUP AND TREATMENT": "makeup",
    "MEAT - MISC": "frozen meat",
    "MEAT - SHELF STABLE": "canned meat",
    "MUSHROOMS": "mushrooms",
    "NEWSPAPER": "newspaper",
    "PASTA SAUCE": "pasta sauce",
    "PORK": "pork",
    "PROCESSED": "deli",
    "REFRIGERATED": "refrigerated",
    "SALAD MIX": "salad mix",
    "SEAFOOD - SHELF STABLE": "canned",
    "SMOKED MEATS": "smoked meat",
    "SNACKS": "snack",
    "TURKEY": "turkey",
    "VALUE ADDED FRUIT": "fresh-cut",
    "VEAL": "veal",
    "VEGETABLES - SHELF STABLE": "canned",
    "VITAMINS": "vitamins",
}

WORDS = {
    "accessor": "accessories", "asst": "assorted", "b'fast": "breakfast", "bagd": "bagged",
    "bev": "beverage", "bkd": "baked", "bkg": "baking", "bkngwares": "bakeware", "br": "bread",
    "brd": "breaded", "brkfst": "breakfast", "btl": "bottle", "carb": "carbonated",
    "catfd": "cat food", "chix": "chicken", "choc": "chocolate", "chococlate": "chocolate",
    "ckys": "cookies", "cnd": "canned", "cntrl": "control", "coff": "coffee",
    "conc": "concentrate", "cond": "condensed", "cookng": "cooking", "crbnted": "carbonated",
    "decaf": "decaffeinated", "dept": "department", "dnr": "dinner", "dnrs": "dinners",
    "dogfd": "dog food", "dps": "dips", "drnk": "drink", "drnks": "drinks",
    "drnkng": "drinking", "drssng": "dressing", "exc": "except", "excp": "except",
    "fem": "feminine", "fd": "food", "flav": "flavored", "flvr": "flavor", "flvrd": "flavored",
    "frd": "fried", "frsh": "fresh", "frz": "frozen", "frzn": "frozen", "gds": "goods",
    "grnd": "ground", "hygn": "hygiene", "incl": "including", "iqf": "frozen",
    "jce": "juice", "jui": "juice", "juic": "juice", "liq": "liquid", "liqs": "liquids",
    "marg": "margarine", "med": "medium", "misc": "assorted", "miscellaneous": "assorted",
    "mlk": "milk", "mlt": "multi", "mnrl": "mineral", "mult": "multi", "mw": "microwave",
    "mxs": "mixes", "nf": "nonfat", "oj": "orange juice", "org": "organic", "oth": "other",
    "othe": "other", "pac": "pack", "pck": "pack", "pcs": "pieces", "pickld": "pickled",
    "pk": "pack", "pkg": "package", "pkgd": "packaged", "pkld": "pickled", "plstc": "plastic",
    "pnch": "punch", "pnt": "peanut", "prem": "premium", "prep": "prepared",
    "preportnd": "pre-portioned", "prpck": "prepacked", "protien": "protein", "pwdr": "powder",
    "pwdrs": "powders", "qsr": "quick-service", "refrig": "refrigerated",
    "rts": "ready to serve", "sal": "salad", "sand": "sandwich", "sandwic": "sandwich",
    "saus": "sausage", "seas": "seasonal", "sft": "soft", "sgl": "single", "sngl": "single",
    "snks": "snacks", "specilaty": "specialty", "srv": "serving", "ss": "single serving",
    "stk": "stick", "strwby": "strawberry", "subs": "substitutes", "sup": "super",
    "sv": "serving", "sw": "sweet", "swt": "sweet", "syrp": "syrup", "tiss": "tissue",
    "tort": "tortilla", "trad": "traditional", "vac": "vacuum", "vag": "vaginal",
    "veg": "vegetable", "vend": "vending", "vit": "vitamin", "wat": "water", "wate": "water",
    "whl": "whole", "wht": "white", "whlsm": "wholesome", "wt": "weight", "wtr": "water",
    "xtra": "extra",
}  # fmt: skip
"""Abbreviations and truncated words of the source, lower case."""

PROPER = frozenset({
    "alpo", "american", "angus", "anjou", "asian", "australian", "bartlett", "bosc", "braeburn",
    "cajun", "christmas", "dijon", "easter", "english", "french", "fuji", "gala", "german",
    "greek", "halloween", "hawaiian", "hispanic", "italian", "japanese", "jonathan", "kellogg",
    "kosher", "mexican", "oriental", "polish", "ritz", "skippy", "swiss", "thai", "valentine",
})  # fmt: skip
"""Words that keep a capital inside a title."""

UNITS = {
    "OZ": "oz", "OZS": "oz", "Z": "oz", "O": "oz", "LB": "lb", "LBS": "lb", "CT": "count",
    "PK": "pack", "PKS": "pack", "GA": "gallon", "GAL": "gallon", "GALON": "gallon",
    "QT": "quart", "PT": "pint", "DZ": "dozen", "DOZ": "dozen", "L": "liter", "LT": "liter",
    "ML": "ml", "G": "g", "GM": "g", "PC": "pieces", "PCS": "pieces", "IN": "inch", "FT": "feet",
    "SQ FT": "sq ft", "LOAD": "loads", "LOADS": "loads", "LD": "loads", "LDS": "loads",
    "STEM": "stems", "STEMS": "stems", "FL OZ": "fl oz",
}  # fmt: skip

_SIZE = re.compile(r"(?P<n>\d*\.?\d+(?: \d/\d)?(?:/\d+)?)\s*(?P<unit>[A-Z]+(?: (?:FT|OZ))?)")
_PACK = re.compile(
    r"(?P<n>\d+)\s*(?:PK|CT|P)?\s*[/X ]\s*(?P<each>\d*\.?\d+)\s*(?P<unit>OZ|LB|L|ML|Z|O|Q?T?)$"
)
_CASE_POUNDS = 10
_CASE_COUNT = 12


def title(department: str, category: str, kind: str, brand: str, size: str) -> str:
    """Readable name of a product type of a brand in a size; "" for an unknown size."""
    parts = [name(category, kind), readable_size(size, fresh=department == "PRODUCE")]
    text = ", ".join(part for part in parts if part)
    return f"{text} (store brand)" if brand == "Private" else text


def name(category: str, kind: str) -> str:
    """Readable name of a product type, with the noun of its category where it lacks one."""
    kind = " ".join(kind.split())
    if kind in NAMES:
        return NAMES[kind]
    words = _plain(kind)
    noun = NOUNS.get(category, "")
    if noun and not _shares_a_word(noun, words):
        words = f"{noun}, {words}"
    return _sentence(words)


def readable_category(category: str) -> str:
    """A category of the source as a heading."""
    return _sentence(_plain(category))


def readable_size(size: str, *, fresh: bool = False) -> str:
    """Turn "1 GA" into "1 gallon"; "" where the size is missing or cannot be read.

    For ``fresh`` produce, sizes of the grocer's shipping case (40 lb of bananas) are left
    out: no shopper takes one home.
    """
    text = " ".join(re.sub(r"\(.*?\)|^[A-Z] +(?=\d)", " ", size.upper()).split())
    text = re.sub(r"\bSQ FT\b", "SQFT", text)
    pack = _PACK.fullmatch(text)
    if pack and pack["unit"] in UNITS:
        return f"{pack['n']} x {_number(pack['each'])} {UNITS[pack['unit']]}"
    text = f"1 {text}" if text in {"PT", "QT", "GAL", "DZ", "LB"} else text
    match = _SIZE.match(text.replace("SQFT", "SQ FT"))
    if match is None or match["unit"] not in UNITS:
        return ""
    if fresh and _is_case(match["n"], match["unit"], text):
        return ""
    number, unit = _number(match["n"]), UNITS[match["unit"]]
    plural = unit in {"gallon", "quart", "pint", "liter"} and number not in {"1", "1/2", "0.5"}
    return f"{number} {unit}s" if plural else f"{number} {unit}"


def _is_case(number: str, unit: str, text: str) -> bool:
    if "-" in text or "/" in number or " " in number:
        return True
    limit = {"LB": _CASE_POUNDS, "CT": _CASE_COUNT}.get(unit)
    return limit is not None and float(number) > limit


def _number(text: str) -> str:
    if "/" in text:
        return text
    return f"{float(text):g}"


def _plain(text: str) -> str:
    """Lower case, abbreviations written out, brackets, colons and slashes made readable."""
    text = re.sub(r"\([^)]*\)?", " ", text.lower())
    text = re.sub(r"\s*[:]\s*|\s+-\s+|(?<=[a-z])-\s+", ", ", text)
    text = re.sub(r"\s*[/]\s*", " or ", text)
    text = re.sub(r"\s*&\s*", " and ", text)
    text = re.sub(r"(?<=[a-z])\.", " ", text)
    words = [_expand(word) for word in text.split()]
    kept = [w for n, w in enumerate(words) if n == 0 or w.strip(",") != words[n - 1].strip(",")]
    return re.sub(r"(\s*,)+", ",", " ".join(kept)).strip(" ,-")


def _expand(word: str) -> str:
    bare = word.strip(",")
    full = WORDS.get(bare, bare)
    full = "-".join(WORDS.get(part, part) for part in full.split("-")) if "-" in full else full
    full = full.capitalize() if full in PROPER else full
    return full + "," if word.endswith(",") else full


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shares_a_word(noun: str, words: str) -> bool:
    stems = {w.rstrip("s") for w in re.findall(r"[a-z]+", words.lower())}
    return any(w.rstrip("s") in stems for w in re.findall(r"[a-z]+", noun))
