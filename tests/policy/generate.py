"""Random policy documents and requests: few different words, so that matches are often true."""

import copy
import xml.sax.saxutils

from evaluator import EFFECTS, ID

FEATURES = ["h/api/a", "h/api/a.r", "h/api/a/x", "h/api/b", "h/api/b.w", "h/core/x", "h/api/ax"]
FEATURE_PATTERNS = FEATURES + [
    "h/api/*", "*", "h/api/?", "h/core", "h/api/a*",
    # found by their ends, by a part, or by nothing
    "*/a", "*i/a", "h*a", "h/*/a", "*/api*", "*pi/a*", "?/api/?", "*a*", "h/api/a*a", "*core"]
USERS = ["me", "bob", "eve", "a,b", "m*", ID + "PZ-Owner", ""]
USER_PATTERNS = ["me", "bob", "eve", "e*", "?ob", ID + "PZ-Owner", ID + "known", ID + "unknown",
                 ID + "any", ID + "device", "me, bob", "eve,," + ID + "known", "*", "*e", "*o?", "b*b, *ve", "*,b"]
DEVICES = ["tv", "phone", "car"]
DEVICE_PATTERNS = ["tv", "phone,car", ID + "known", ID + "device", "http://webinos.org/subject/domain/any"]
URIS = ["https://u@apps.example.org:8443/x/y?q", "https://evil.example/", "http://[::1]:80", "urn:a:b",
        "no uri", "https://a@b@c", "file:///x"]
REGEXPS = ["^h/api/(a|b)", "a$", "[a-c]+", "^me$", "o.?b", "x|y", "^$"]
NUMBERS = ["0", "1", "2", "480", "62", "720", "9999999999"]
ATTRS = {
    "subject": ["user-id"] * 5 + ["requestor-id", "requestor-id", "id", "class", "uri", "uri.host", "uri.path",
                                  "uri.scheme", "uri.authority", "uri.scheme-authority", "target-id",
                                  "widget-attr:k"],
    "resource": ["api-feature"] * 8 + ["service-id", "param:feature", "param:a.b",
                 "api-feature.path"],
    "environment": ["timemin", "days-of-week", "daysOfMonth", "profile", "roaming"],
}
COMBINE = {"policy": ["deny-overrides", "permit-overrides", "first-applicable", None],
           "policy-set": ["deny-overrides", "permit-overrides", "first-matching-target", None]}
DURATIONS = ["P7D", "P0Y0M10DT0H0M0S", "P1M", "P30D", "PT1H", "P1Y", "P31DT1S"]
DATES = ["2012-12-10T14:00:00.00+01:00", "2012-12-11T00:00:00Z", "2013-01-31T10:00:00Z"]
ACTIONS = ["ActionDeletePersonalData", "ActionAnonymizePersonalData", "ActionNotifyDataSubject", "ActionLog",
           "ActionSecureLog"]
TRIGGERS = ["TriggerAtTime", "TriggerPersonalDataAccessedForPurpose", "TriggerPersonalDataDeleted",
            "TriggerDataSubjectAccess"]


def element(name, *children, **attrs):
    """[name, attributes, children or text]: what differential.py makes smaller."""
    content = children[0] if children and isinstance(children[0], str) else \
        [c for c in children if c is not None]
    return [name, {k.replace("_", "-"): v for k, v in attrs.items() if v is not None}, content]


def to_xml(node):
    name, attrs, content = node
    start = name + "".join(f" {k}={xml.sax.saxutils.quoteattr(v)}" for k, v in attrs.items())
    inside = xml.sax.saxutils.escape(content) if isinstance(content, str) else \
        "".join(to_xml(c) for c in content)
    return f"<{start}>{inside}</{name}>" if inside else f"<{start}/>"


class Generator:
    def __init__(self, rng, purposes):
        self.rng, self.purposes, self.ids = rng, purposes, 0

    def some(self, most, make):
        return [make() for _ in range(self.rng.randint(0, most))]

    def chance(self, one_in):
        return self.rng.randrange(one_in) == 0

    # ---- documents ----

    def pattern(self, category, attr):
        rng = self.rng
        if attr in ("timemin", "days-of-week", "daysOfMonth"):
            return rng.choice(NUMBERS + (["*"] if attr != "timemin" else [])), \
                rng.choice(["greater-than", "greater-equal-than", "less-than", "less-equal-than", "in-set"]
                           if attr == "timemin" else ["glob", None, "regexp"])
        if self.chance(12):
            return rng.choice(REGEXPS), "regexp"
        if attr.startswith("api-feature"):
            return rng.choice(FEATURE_PATTERNS), rng.choice([None, "glob", "equal"])
        if attr.startswith("uri"):
            return rng.choice(["apps.example.org", "*", "https", "/x/y", "/*", "a:b", "c",
                               "https://u@apps.example.org:8443"]), None
        if category == "subject":
            pool = DEVICE_PATTERNS if attr in ("requestor-id", "target-id") else USER_PATTERNS
            return rng.choice(pool), rng.choice([None, None, "equal"])
        return rng.choice(["x", "Work", "true", "h/api/a", "*", "a,b"]), rng.choice([None, "equal"])

    def match(self, category):
        attr = self.rng.choice(ATTRS[category])
        pattern, func = self.pattern(category, attr)
        if self.chance(10) and "\n" not in pattern:
            return element(category + "-match", f"\n {pattern} ", attr=attr, func=func)
        return element(category + "-match", attr=attr, match=pattern, func=func)

    def condition(self, depth=0):
        children = []
        kinds = ["subject"] * 3 + ["resource"] * 4 + ["environment"]
        for _ in range(self.rng.choice([1, 1, 1, 2, 2, 3])):
            if depth < 3 and self.chance(6):
                children.append(self.condition(depth + 1))
            else:
                children.append(self.match(self.rng.choice(kinds)))
        return element("condition", *children, combine=self.rng.choice(["and", "or", None]))

    def new_id(self):
        self.ids += 1
        return f"e{self.ids}" if self.chance(3) else None

    def rule(self):
        return element("rule", None if self.chance(5) else self.condition(), *self.bindings(4),
                       effect=self.rng.choice(EFFECTS + EFFECTS[:1] * 3), id=self.new_id(),
                       require_reauth="local" if self.chance(30) else None)

    def target(self):
        if self.chance(3):
            return None
        subjects = [element("subject", *[self.match("subject") for _ in range(self.rng.randint(1, 2))])
                    for _ in range(self.rng.randint(0 if self.chance(8) else 1, 2))]
        return element("target", *subjects)

    def policy(self, most=4):
        rules = [self.rule() for _ in range(self.rng.randint(0 if self.chance(6) else 1, most))]
        return element("policy", self.target(), *rules, *self.privacy(), id=self.new_id(),
                       combine=self.rng.choice(COMBINE["policy"]))

    def policy_set(self, depth=0, most=4):
        children = []
        for _ in range(self.rng.randint(0 if self.chance(8) else 1, most)):
            nested = depth < 2 and self.chance(4)
            children.append(self.policy_set(depth + 1) if nested else self.policy(most=4 if most < 9 else 2))
        return element("policy-set", self.target() if self.chance(3) else None, *children, *self.privacy(),
                       id=self.new_id(), combine=self.rng.choice(COMBINE["policy-set"]))

    def document(self):
        self.ids = 0
        kind = self.rng.randrange(6)
        if kind == 0:
            return self.policy()
        if kind == 5:
            return self.permitting()
        if kind == 1:
            return self.policy(most=20)  # long enough for the index
        return self.policy_set(most=16 if kind == 2 else 4)

    # ---- data handling ----

    def permitting(self):
        """Everything is permitted, so that preferences decide: two of them, bound in many places."""
        rule = element("rule", *self.bindings(2), effect="permit")
        policy = element("policy", rule, *self.bindings(2))
        lax = element("DataHandlingPreferences", element(
            "AuthorizationsSet", element("AuthzUseForPurpose", element("Purpose"))),
                      element("ObligationsSet", *self.some(2, self.obligation)))
        strict = element("DataHandlingPreferences", element(
            "AuthorizationsSet", element("AuthzUseForPurpose", *self.purpose_elements())))
        lax[1]["PolicyId"], strict[1]["PolicyId"] = "#p1", "#p2"
        return element("policy-set", policy, *self.bindings(2), *self.bindings(2), lax, strict)

    def bindings(self, one_in):
        if not self.chance(one_in):
            return []
        values = [element("ProvisionalAction", *self.rng.sample(
            [element("AttributeValue", self.rng.choice(FEATURE_PATTERNS)),
             element("AttributeValue", self.rng.choice(["#p1", "#p2", "#p3"]))], 2))
                  for _ in range(self.rng.randint(1, 2))]
        return [element("ProvisionalActions", *values)]

    def purpose_elements(self):
        if self.chance(3):
            return [element("Purpose")]
        return [element("Purpose", self.rng.choice(self.purposes[:3])) for _ in range(self.rng.randint(0, 3))]

    def delay(self):
        return element("MaxDelay", element("Duration", self.rng.choice(DURATIONS)))

    def trigger(self):
        name = self.rng.choice(TRIGGERS)
        if name == "TriggerAtTime":
            start = element("StartNow") if self.chance(2) else \
                element("DateAndTime", self.rng.choice(DATES))
            return element(name, element("StartTime", start), self.delay())
        if name == "TriggerDataSubjectAccess":
            return element(name, element("AccessURI", self.rng.choice(["h/1", "h/2"])))
        extra = self.purpose_elements() if name == "TriggerPersonalDataAccessedForPurpose" else []
        return element(name, *extra, self.delay())

    def obligation(self):
        name = self.rng.choice(ACTIONS + [None])
        inside = [element("Media", "email"), element("Address", self.rng.choice(["a", "b"]))] \
            if name == "ActionNotifyDataSubject" else []
        return element("Obligation", element("TriggersSet", *self.some(2, self.trigger)),
                       element(name, *inside) if name else None)

    def privacy(self):
        made = self.bindings(3)
        self.ids += 1
        if self.chance(3) and self.ids <= 60:
            sets = []
            if not self.chance(5):
                sets.append(element("AuthorizationsSet", element("AuthzUseForPurpose", *self.purpose_elements())))
            if self.chance(2):
                sets.append(element("ObligationsSet", *self.some(2, self.obligation)))
            node = element("DataHandlingPreferences", *sets)
            node[1]["PolicyId"] = self.rng.choice(["#p1", "#p2", f"#q{self.ids}"])
            made.append(node)
        return made

    # ---- documents that are not valid, perhaps ----

    def damage(self, root):
        """Changes one place of a document: often it is not valid afterwards."""
        nodes = list(walk(root))
        node = self.rng.choice(nodes)
        what = self.rng.randrange(6)
        if what == 0 and node[1]:
            del node[1][self.rng.choice(sorted(node[1]))]
        elif what == 1 and node[1]:
            node[1][self.rng.choice(sorted(node[1]))] = self.rng.choice(["", "x", "deny", "*", "1", ","])
        elif what == 2:
            node[0] = self.rng.choice([n[0] for n in nodes] + ["note"])
        elif what == 3 and isinstance(node[2], list):
            node[2].insert(self.rng.randint(0, len(node[2])), copy.deepcopy(self.rng.choice(nodes[-8:])))
        elif what == 4 and isinstance(node[2], list):
            node[2].clear()
        else:
            node[1][self.rng.choice(["id", "func", "combine", "match", "extra"])] = "e1"

    # ---- requests ----

    def bag(self, pool):
        if self.chance(20):
            return []
        return [self.rng.choice(pool) for _ in range(2 if self.chance(8) else 1)]

    def request(self):
        rng = self.rng
        subject = {"user-id": self.bag(USERS), "requestor-id": self.bag(DEVICES)}
        pools = {"id": USERS, "class": ["me", "bob"], "uri": URIS, "target-id": DEVICES, "widget-attr:k": USERS}
        for name, pool in pools.items():
            if self.chance(2):
                subject[name] = self.bag(pool)
        resource = {} if self.chance(25) else {"api-feature": self.bag(FEATURES)}
        for name in ("service-id", "param:feature", "param:a.b"):
            if not self.chance(6):
                resource[name] = None if self.chance(8) else self.bag(["x", "h/api/a", "a,b"])
        environment = {}
        for name, pool in {"timemin": NUMBERS, "days-of-week": ["1", "2", "8"], "days-of-month": NUMBERS,
                           "profile": ["Work", "x"], "roaming": ["true", "false"]}.items():
            if not self.chance(8):
                environment[name] = None if self.chance(12) else self.bag(pool)
        context = {"now": rng.choice(DATES)}
        for name, value in {"owner": "me", "known": ["bob", "m*"], "device": "tv",
                            "devices": ["tv", "phone"]}.items():
            if not self.chance(8):
                context[name] = value
        made = {"subject": subject, "resource": resource, "environment": environment, "context": context}
        if self.chance(2):
            made["purpose"] = "".join(rng.choice("011") for _ in range(3)) + "0" * (31 if self.chance(20) else 32)
        if self.chance(2):
            made["obligations"] = self.some(3, self.promise)
        return made

    def promise(self):
        action = {"actionID": self.rng.choice(ACTIONS + ["ActionDance"])}
        if action["actionID"] == "ActionNotifyDataSubject" and not self.chance(6):
            action.update(Media="email", Address=self.rng.choice(["a", "b"]))
        triggers = []
        for _ in range(self.rng.randint(0, 3)):
            trigger = {"triggerID": self.rng.choice(TRIGGERS)}
            trigger["MaxDelay"] = self.rng.choice(DURATIONS + (["soon"] if self.chance(5) else []))
            trigger["StartTime"] = self.rng.choice(DATES + ["StartNow"] * 3)
            trigger["AccessURI"] = self.rng.choice(["h/1", "h/2"])
            trigger["Purpose"] = "".join(self.rng.choice("01") for _ in range(35))
            if self.chance(10):
                del trigger[self.rng.choice(sorted(trigger))]
            triggers.append(trigger)
        return {"action": action, "triggers": triggers}


def walk(node):
    """All elements."""
    yield node
    if isinstance(node[2], list):
        for child in node[2]:
            yield from walk(child)
