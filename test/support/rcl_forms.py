"""Forms of parameter files, and what rcl's parser makes of them (Jazzy)."""

PLAIN = "a: {ros__parameters: {x: 1}}"

READ_ALIKE = {
    "a: {}": [],
    f"{PLAIN}\n---\na: {{ros__parameters: {{y: 2}}}}": [("/a", {"x": 1, "y": 2})],
    "ns/a: {ros__parameters: {}}\n/ns/a: {ros__parameters: {x: 1}}": [
        ("/ns/a", {}),
        ("/ns/a", {"x": 1}),
    ],
    f"{PLAIN}\nb: {{ros__parameters: {{x: 2}}}}\n{PLAIN.replace('1', '3')}": [
        ("/a", {"x": 3}),
        ("/b", {"x": 2}),
    ],
    "ns/: {a: {ros__parameters: {x.y: {z: 1}, x: {y: {w: 2}}}}}": [
        ("/ns/a", {"x.y.z": 1, "x.y.w": 2})
    ],
    "a: {ros__parameters: {x: {y: 1}, x: 2}}": [("/a", {"x.y": 1, "x": 2})],
    "a: {ros__parameters: {ros__parameters: 1, <<: {y: 2}}}": [
        ("/a", {"ros__parameters": 1, "<<.y": 2})
    ],
    "a: &a {ros__parameters: &b {x: &c 1}}": [("/a", {"x": 1})],
    "a: !!map {ros__parameters: !z {x: !!seq [1], y: !!set [a]}}": [("/a", {"x": [1], "y": ["a"]})],
    "a:\n  ros__parameters:\n    x: |-\n      5\n    y: |\n      5\n    z: >2-\n         6\n": [
        ("/a", {"x": 5, "y": "5\n", "z": 6})
    ],
}

REFUSED = {
    "a: [1": "not YAML",
    '"a\\tb": {ros__parameters: {x: 1}}': r"expected a name of printable characters, got 'a\tb'",
    "a: {ros__parameters: {x: [1, 2.0]}}": "'/a': parameter 'x': expected a list of "
    "one simple type, got [1, 2.0] (an integer is written 1, a number 1.0)",
    "a: {ros__parameters: {x: }}": "'x': expected a value, got None",
    "a: {ros__parameters: {x: !!str }}": "'x': expected a value, got None",
    "a:\n  ros__parameters:\n    x: [1]\n    y:\n    - 1\n    -\n": "'y': expected a list of",
    "- a": "expected node names with ros__parameters, got list",
    "ros__parameters: {x: 1}": "'ros__parameters': expected below the name of a node",
    "a: 5": "'a': expected ros__parameters below it, got 5",
    "a: ": "'a': expected ros__parameters below it, got nothing",
    "a: {parameters: {b: 1}}": "'/a/parameters': expected ros__parameters below it, got 'b'",
    "a: {ros__parameters: {}, b: 1}": "'/a': expected ros__parameters last, got 'b' after it",
    "a: {ros__parameters: {}, ros__parameters: {}}": "'/a': expected ros__parameters last",
    "a: {ros__parameters: [1]}": "'/a': expected parameters, got [1]",
    "a: {ros__parameters: 0}": "'/a': expected parameters, got 0",
    "a: {ros__parameters: }": "'/a': expected parameters, got nothing",
    "a: {ros__parameters: &x {b: *x}}": "line 1: expected no aliases (*x)",
    "a: {ros__parameters: {x: &x 1, <<: *x}}": "line 1: expected no aliases (*x)",
    "a: {ros__parameters: {'': 1}}": "line 1: expected names that are text",
    "a: {ros__parameters: {? [x] : 1}}": "line 1: expected names that are text",
    "a: {ros__parameters: {x: {}, y: 1}}": "'/a': parameter 'x': expected a value, got {}",
    **{
        f"{name}: {{ros__parameters: {{x: 1}}}}": f"'{name}': expected names of letters, digits"
        for name in ("/my-node", "/1st", "/a//b", "/a/", "/***", "/a.b", "/\u00e9", "/**a")
    },
    "/ns: {/a: {ros__parameters: {x: 1}}}": "'/ns': expected a name without / below it, got '/a'",
}

#: What rcl reads as something else than is written, and why that is so.
REFUSED_BY_US = {
    "just words": "expected node names with ros__parameters, got str",
    # The value of the first type stays.
    "a: {ros__parameters: {x: 1, x: 2.0}}": "parameter 'x': expected one value, got 1 and 2.0",
    "a: {ros__parameters: {x: [1], x: []}}": "parameter 'x': expected one value, got [1] and []",
    # The value goes to x.y.
    "a: {ros__parameters: {x: 1, x: {y: 2}}}": "parameter 'x': expected one value, got 1 and",
    # An empty section ends that of the parameters.
    "a: {ros__parameters: {x: {}}}": "parameter 'x': expected a value, got {}",
    # Of names with separators it takes away one part only, and gives what follows to others.
    "a: {ros__parameters: {x: {y.z: {w: 1}, v: 2}}}": "'x.y.z': expected a section's name without",
    "a: {b/c: {ros__parameters: {x: 1}}, d: {ros__parameters: {x: 2}}}": "expected a name with",
    "a: {ros__parameters: {x: 1}, b: {}}": "expected ros__parameters last",
    # It does not look at how the name goes on.
    "a: {ros__parameters_old: {x: 1}}": "'ros__parameters_old': expected ros__parameters, for",
    "a: {ros__parameters: {x: 1}}\na: {ros__parameters: 5}": "'/a': expected parameters, got 5",
    # No message could name them in one line.
    'a: {ros__parameters: {"x\\ny": 1}}': r"expected a name of printable characters, got 'x\ny'",
    "a: {ros__parameters: {x: {? {y: 1} : 2}}}": "line 1: expected names that are text",
    # The innermost list stays, under its innermost name.
    "a: {ros__parameters: {x: [[1, 2]]}}": "'x': expected a list of one simple type, got [[1, 2]]",
    "a: {ros__parameters: {x: [1, [2]]}}": "'x': expected a list of one simple type, got [1, [2]]",
    "a: {ros__parameters: {x: [{y: 1}]}}": "'x': expected a list of one simple type, got [{",
    # Text ends there.
    'a: {ros__parameters: {x: "y\\0z"}}': "line 1: expected no character 0 in text",
    "a: {ros__parameters: " + "{b: " * 20 + "1" + "}" * 21: "expected at most 16 collections",
}
