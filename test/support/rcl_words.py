"""Scalars of parameter files, and what rcl's parser makes of them (Jazzy)."""

import math

READ = {
    "y": True, "Y": True, "yes": True, "on": True, "On": True, "TRUE": True,
    "n": False, "N": False, "no": False, "off": False, "False": False,
    "t": "t", "tru": "tru", "null": "null", "~": "~", "''": "", '"y"': "y", "'1'": "1",
    "012": 10, "0o12": "0o12", "0x1F": 31, "1_000": "1_000", "+5": 5, "-7": -7, "089": 89.0, "0": 0,
    "1e3": 1000.0, "1.": 1.0, ".5": 0.5, "1e-3": 0.001, "1e400": "1e400", "0b11": "0b11",
    ".inf": math.inf, "-.inf": -math.inf, "+.inf": math.inf, "inf": math.inf,
    "infinity": math.inf, "+inf": math.inf, "iNf": math.inf, "+.Inf": math.inf, "-.INF": -math.inf,
    ".iNf": ".iNf", ".infinity": ".infinity",
    ".nan": math.nan, "nan": math.nan, ".NaN": math.nan, "NAN": math.nan, "-nan": math.nan,
    "+.nan": "+.nan", "-.nan": "-.nan",
    "-0x10": -16, "-012": -10, "00": 0, "-0": 0, "0x": "0x", "0x1p3": 8.0, "1.e5": 1e5, "1e": "1e",
    "+": "+", ".": ".",
    "0xFFFFFFFFFFFFFFFFFF": float(0xFFFFFFFFFFFFFFFFFF),
    "0777777777777777777777777": 777777777777777777777777.0,
    "9" * 330: "9" * 330, "0x" + "F" * 300: "0x" + "F" * 300,
    "12:30:00": "12:30:00", "2024-01-01": "2024-01-01", "2024-99-99": "2024-99-99",
    "nan(1_a)": math.nan, "nan(a b)": "nan(a b)", "\u0131nf": "\u0131nf", "0x.8": 0.5,
    "0x1p-2000": "0x1p-2000",
    "5e-324": "5e-324", "1e-400": "1e-400", "0e-999": 0.0, "0x0.0000000000001p-1022": 5e-324,
    "2.2250738585072014e-308": 2.2250738585072014e-308,
    "!!int '5'": "5", "!!float 5": 5, "! 5": 5, "!own y": True, "!!binary aGk=": "aGk=",
    "!!str 5": "5", "!!str y": "y",
    "99999999999999999999": 1e20, "9223372036854775807": 2**63 - 1,
}  # fmt: skip
