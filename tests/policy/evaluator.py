"""A second evaluator of access policies, written from docs/spec/09-policy.md alone.

It is slow and looks at everything: each function says its section. The C engine must not be read
to change this file; where both differ, the page decides.
"""

import datetime
import functools
import re
import xml.parsers.expat

PERMIT, DENY, ONESHOT, SESSION, BLANKET = (
    "permit", "deny", "prompt-oneshot", "prompt-session", "prompt-blanket")
UNDETERMINED, INAPPLICABLE = "undetermined", "inapplicable"
EFFECTS = (PERMIT, DENY, ONESHOT, SESSION, BLANKET)
TRUE, FALSE, UNKNOWN = "true", "false", "unknown"
SLOTS = ("manufacturer", "exceptions", "user", "app", "grants")
SPACE = " \t\r\n"
MATCHES = {"subject-match": "subject", "resource-match": "resource",
           "environment-match": "environment"}
NUMERIC = ("greater-than", "greater-equal-than", "less-than", "less-equal-than", "in-set")
FUNCS = ("glob", "equal", "regexp") + NUMERIC
DAYS = ("days-of-week", "days-of-month")
ALIASES = {"daysOfWeek": "days-of-week", "daysOfMonth": "days-of-month"}
MODIFIERS = ("scheme", "host", "authority", "scheme-authority", "path")
ID = "http://webinos.org/subject/id/"
MACROS = {ID + "PZ-Owner": "owner", ID + "known": "known", ID + "unknown": "unknown",
          ID + "any": "any", "http://webinos.org/subject/domain/any": "any",
          ID + "device": "device"}
DIGITS = re.compile(r"[0-9]{1,10}\Z")


class Invalid(Exception):
    """The document must not be evaluated (3.3)."""


class Node:
    def __init__(self, name, attrs, parent):
        self.name, self.attrs, self.parent = name, attrs, parent
        self.children, self.text = [], ""

    def all(self, *names):
        return [c for c in self.children if c.name in names]

    def one(self, name):
        found = self.all(name)
        return found[0] if found else None


# ---- 3.1 grammar: element -> (children, attributes, its text counts) ----

LABEL = {"id", "description"}
DHP = {"DataHandlingPreferences", "ProvisionalActions"}
MATCH = (set(), LABEL | {"attr", "match", "func"}, True)
DELAYED = {"MaxDelay"}
GRAMMAR = {
    "policy-set": ({"target", "policy-set", "policy"} | DHP, LABEL | {"combine"}, False),
    "policy": ({"target", "rule"} | DHP, LABEL | {"combine"}, False),
    "rule": ({"condition"} | DHP,
             LABEL | {"effect", "require-reauth", "auth-expires-after-min"}, False),
    "target": ({"subject"}, LABEL, False),
    "subject": ({"subject-match"}, LABEL, False),
    "condition": ({"condition"} | set(MATCHES), LABEL | {"combine"}, False),
    "subject-match": MATCH, "resource-match": MATCH, "environment-match": MATCH,
    "DataHandlingPreferences": ({"AuthorizationsSet", "ObligationsSet"}, None, False),
    "AuthorizationsSet": ({"AuthzUseForPurpose"}, None, False),
    "AuthzUseForPurpose": ({"Purpose"}, None, False),
    "Purpose": (set(), None, True),
    "ObligationsSet": ({"Obligation"}, None, False),
    "Obligation": ({"TriggersSet", "ActionDeletePersonalData", "ActionAnonymizePersonalData",
                    "ActionNotifyDataSubject", "ActionLog", "ActionSecureLog"}, None, False),
    "TriggersSet": ({"TriggerAtTime", "TriggerPersonalDataAccessedForPurpose",
                     "TriggerPersonalDataDeleted", "TriggerDataSubjectAccess"}, None, False),
    "TriggerAtTime": ({"StartTime"} | DELAYED, None, False),
    "TriggerPersonalDataAccessedForPurpose": ({"Purpose"} | DELAYED, None, False),
    "TriggerPersonalDataDeleted": (DELAYED, None, False),
    "TriggerDataSubjectAccess": ({"AccessURI"}, None, False),
    "StartTime": ({"StartNow", "DateAndTime"}, None, False),
    "StartNow": (set(), None, False),
    "DateAndTime": (set(), None, True),
    "MaxDelay": ({"Duration"}, None, False),
    "Duration": (set(), None, True),
    "AccessURI": (set(), None, True),
    "ActionDeletePersonalData": (set(), None, False),
    "ActionAnonymizePersonalData": (set(), None, False),
    "ActionNotifyDataSubject": ({"Media", "Address"}, None, False),
    "ActionLog": (set(), None, False),
    "ActionSecureLog": (set(), None, False),
    "Media": (set(), None, True),
    "Address": (set(), None, True),
    "ProvisionalActions": ({"ProvisionalAction"}, None, False),
    "ProvisionalAction": ({"AttributeValue", "DeveloperProvidedDescription"}, None, False),
    "AttributeValue": (set(), None, True),
    "DeveloperProvidedDescription": (set(), None, True),
}
ONCE = {"target", "AuthorizationsSet", "AuthzUseForPurpose", "ObligationsSet", "TriggersSet",
        "StartTime", "StartNow", "DateAndTime", "MaxDelay", "Duration", "AccessURI", "Media",
        "Address"}


def need(condition, text):
    if not condition:
        raise Invalid(text)


def read(text):
    """Well-formed XML without DOCTYPE and processing instructions, as a tree."""
    need(len(text) <= 1 << 20, "too long")
    parser = xml.parsers.expat.ParserCreate("UTF-8")
    top = Node("", {}, None)
    state = {"at": top, "depth": 0, "rules": 0}

    def start(name, attrs):
        if name[0].islower() and name[0].upper() + name[1:] in GRAMMAR:
            name = name[0].upper() + name[1:]  # 3.1: either spelling
        attrs = {("PolicyId" if a == "policyId" else a): v for a, v in attrs.items()}
        state["depth"] += 1
        state["rules"] += name == "rule"
        need(state["depth"] <= 32, "too deep")
        need(state["rules"] <= 10000, "too many rules")
        need(all(len(v.encode()) <= 4096 for v in attrs.values()), "attribute too long")
        node = Node(name, attrs, state["at"])
        state["at"].children.append(node)
        state["at"] = node

    def end(_):
        state["at"] = state["at"].parent
        state["depth"] -= 1

    def data(more):
        state["at"].text += more

    def refuse(*_):
        raise Invalid("DOCTYPE or processing instruction")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = parser.ProcessingInstructionHandler = refuse
    try:
        parser.Parse(text, True)
    except xml.parsers.expat.ExpatError as error:
        raise Invalid(str(error)) from error
    root = top.children[0]
    need(root.name in ("policy-set", "policy"), "root")
    return root


def items(pattern):
    return [i for i in (part.strip(SPACE) for part in pattern.split(",")) if i]


@functools.lru_cache(20000)
def pattern_of(node):
    return node.attrs.get("match") or node.text.strip(SPACE)


@functools.lru_cache(20000)
def patterns_of(node):
    """5.1: only a subject's pattern is a list."""
    return items(pattern_of(node)) if node.name == "subject-match" else [pattern_of(node)]


@functools.lru_cache(20000)
def attribute_of(node):
    """5.3: name and modifier; the alias of an environment attribute is resolved."""
    name, dot, suffix = node.attrs.get("attr", "").rpartition(".")
    modifier = suffix if dot and suffix in MODIFIERS else None
    if modifier is None:
        name = node.attrs.get("attr", "")
    if node.name == "environment-match":
        name = ALIASES.get(name, name)
    return name, modifier


@functools.lru_cache(20000)
def func_of(node):
    if node.name == "environment-match" and attribute_of(node)[0] in DAYS:
        return "in-set"
    return node.attrs.get("func", "glob")


def check_match(node):
    name, _ = attribute_of(node)
    need(name, "attr")
    need(node.attrs.get("func", "glob") in FUNCS, "func")
    patterns = patterns_of(node)
    need(patterns and all(patterns), "empty pattern")
    need(len(patterns) <= 256, "items")
    for pattern in patterns:
        if name in DAYS and node.name == "environment-match" and pattern_of(node) == "*":
            continue
        if func_of(node) in NUMERIC:
            need(DIGITS.match(pattern), "digits")
        if func_of(node) == "regexp" and not (node.name == "subject-match" and pattern in MACROS):
            try:
                re.compile(pattern)
            except re.error as error:
                raise Invalid("regexp") from error


def check_rule(node):
    need(node.attrs.get("effect") in EFFECTS, "effect")
    need(node.attrs.get("require-reauth", "none") in ("none", "local", "remote"), "reauth")
    need(DIGITS.match(node.attrs.get("auth-expires-after-min", "0")), "minutes")
    need(len(node.all("condition")) <= 1, "conditions")


def check_privacy(node):
    if node.name == "Obligation":
        need(node.one("TriggersSet"), "TriggersSet")
        need(sum(c.name.startswith("Action") for c in node.children) <= 1, "actions")
    if node.name == "TriggerAtTime":
        start = node.one("StartTime")
        need(start is not None and len(start.children) == 1, "StartTime")
    if node.name in ("TriggerAtTime", "TriggerPersonalDataAccessedForPurpose",
                     "TriggerPersonalDataDeleted"):
        need(node.one("MaxDelay"), "MaxDelay")
    if node.name == "MaxDelay":
        need(node.one("Duration"), "Duration")
    if node.name == "Duration":
        need(duration(node.text.strip(SPACE)), "Duration")
    if node.name == "DateAndTime":
        need(date(node.text.strip(SPACE)), "DateAndTime")
    if node.name == "TriggerDataSubjectAccess":
        need(node.one("AccessURI"), "AccessURI")
    if node.name == "ActionNotifyDataSubject":
        need(node.one("Media") and node.one("Address"), "Media, Address")
    if node.name == "ProvisionalAction":
        need(len(node.all("AttributeValue")) == 2, "two values")
    if node.name in ("AccessURI", "Media", "Address", "AttributeValue"):
        need(node.text.strip(SPACE), "empty")


def check(node, ids, policy_ids):
    """3.3 and 3.4."""
    need(node.name in GRAMMAR, "element " + node.name)
    children, attrs, has_text = GRAMMAR[node.name]
    need(has_text or not node.text.strip(SPACE), "text")
    need(len(node.text.encode()) <= 4096 or not has_text, "text too long")
    need(attrs is None or set(node.attrs) <= attrs, "attribute")
    for child in node.children:
        need(child.name in children, f"{child.name} in {node.name}")
        need(child.name not in ONCE or len(node.all(child.name)) == 1, "twice")
    if node.name in ("condition", "subject"):
        need(node.children, "no children")
    known, key = (ids, "id") if attrs is not None else (policy_ids, "PolicyId")
    name = node.attrs.get(key) if key == "id" or node.name == "DataHandlingPreferences" else None
    need(not name or name not in known, "duplicate")
    known.add(name)
    if node.name in ("policy-set", "policy"):
        last = "first-matching-target" if node.name == "policy-set" else "first-applicable"
        need(node.attrs.get("combine", last) in ("deny-overrides", "permit-overrides", last),
             "combine")
    if node.name == "condition":
        need(node.attrs.get("combine", "and") in ("and", "or"), "combine")
    if node.name == "rule":
        check_rule(node)
    if node.name in MATCHES:
        check_match(node)
    check_privacy(node)
    for child in node.children:
        check(child, ids, policy_ids)


def load(text):
    """A valid document's root, or Invalid."""
    root = read(text)
    check(root, set(), set())
    return root


# ---- 5 matching ----

@functools.lru_cache(20000)
def glob(pattern, value):
    """5.2, on bytes."""
    parts = {ord("*"): b".*", ord("?"): b"."}
    expression = b"".join(parts.get(c, re.escape(bytes([c]))) for c in pattern.encode())
    return re.fullmatch(expression, value.encode(), re.DOTALL) is not None


def glob_feature(pattern, value):
    if "*" in pattern or "?" in pattern:
        return glob(pattern, value)
    return value == pattern or value.startswith((pattern + ".", pattern + "/"))


@functools.lru_cache(20000)
def part(value, modifier):
    """5.3: None when the value has no such part."""
    if modifier is None:
        return value
    uri = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)", value, re.DOTALL)
    if uri is None:
        return None
    scheme, authority, path = uri.groups()
    host = re.sub(r":[0-9]*\Z", "", (authority or "").rpartition("@")[2])
    whole = f"{scheme}://{authority}" if authority else None
    return {"scheme": scheme, "authority": authority, "host": host, "scheme-authority": whole,
            "path": path}[modifier] or None


def identity(macro, attribute, value, context):
    """4.2, but for `any`."""
    owner = context.get("owner")
    is_owner = owner is not None and value == owner
    known = {"user-id": "known", "requestor-id": "devices"}.get(attribute)
    is_known = known is not None and value in context.get(known, ())
    if macro == "owner":
        return is_owner
    if macro == "known":
        return is_known
    if macro == "unknown":
        return not is_owner and not is_known
    if attribute == "user-id":
        return is_owner
    return attribute in ("requestor-id", "target-id") and value == context.get("device")


def compare(node, attribute, value, pattern):
    func = func_of(node)
    if func == "equal":
        return value == pattern
    if func == "glob":
        if node.name == "resource-match" and attribute == "api-feature":
            return glob_feature(pattern, value)
        return glob(pattern, value)
    if func == "regexp":
        return re.search(pattern, value) is not None
    if not DIGITS.match(value):
        return False
    number, wanted = int(value), int(pattern)
    return {"greater-than": number > wanted, "greater-equal-than": number >= wanted,
            "less-than": number < wanted, "less-equal-than": number <= wanted,
            "in-set": number & wanted != 0}[func]


def bag_of(request, category, attribute):
    """4: None is undetermined; never for a subject."""
    bags = request.get(category, {})
    if category == "environment":
        bags = {ALIASES.get(name, name): values for name, values in bags.items()}
    values = bags.get(attribute)
    return [] if values is None and category == "subject" else values


def match(node, request):
    """5.1"""
    attribute, modifier = attribute_of(node)
    values = bag_of(request, MATCHES[node.name], attribute)
    if values is None:
        return UNKNOWN
    if node.name == "environment-match" and attribute in DAYS and pattern_of(node) == "*":
        return TRUE if values else FALSE
    results = []
    for pattern in patterns_of(node):
        macro = MACROS.get(pattern) if node.name == "subject-match" else None
        results.append(macro == "any")
        for value in values:
            value = part(value, modifier)
            if value is None or macro == "any":
                continue
            results.append(identity(macro, attribute, value, request.get("context", {})) if macro
                           else compare(node, attribute, value, pattern))
    return TRUE if any(results) else FALSE


# ---- 6 evaluation ----

def target(node, request):
    """6.2"""
    subjects = node.one("target").all("subject") if node.one("target") else []
    return not subjects or any(all(match(m, request) == TRUE for m in s.children)
                               for s in subjects)


def condition(node, request):
    """6.3"""
    results = [condition(c, request) if c.name == "condition" else match(c, request)
               for c in node.children]
    first, last = (TRUE, FALSE) if node.attrs.get("combine") == "or" else (FALSE, TRUE)
    return first if first in results else UNKNOWN if UNKNOWN in results else last


DENY_OVERRIDES = (DENY, UNDETERMINED, ONESHOT, SESSION, BLANKET, PERMIT)
PERMIT_OVERRIDES = (PERMIT, UNDETERMINED, BLANKET, SESSION, ONESHOT, DENY)


class Evaluation:
    def __init__(self, root, request):
        self.root, self.request = root, request
        self.selection, self.is_exact = None, False

    def rule(self, node):
        """6.4, and require-reauth of 3.1"""
        wanted = node.one("condition")
        result = condition(wanted, self.request) if wanted else TRUE
        if result == FALSE:
            return INAPPLICABLE, None
        if result == UNKNOWN:
            return UNDETERMINED, node
        self.consider(node)
        denies = node.attrs.get("require-reauth", "none") != "none"
        return DENY if denies else node.attrs["effect"], node

    def node(self, node):
        if node.name == "rule":
            return self.rule(node)
        return self.inside(node) if target(node, self.request) else (INAPPLICABLE, None)

    def inside(self, node):
        """6.5 and 6.6 of an element whose target is true"""
        if node.name == "policy" and not any(self.request.get("resource", {}).values()):
            return UNDETERMINED, node
        combine = node.attrs.get("combine", "deny-overrides")
        children = node.all("rule") if node.name == "policy" else node.all("policy", "policy-set")
        if combine == "first-matching-target":
            children = [c for c in children if target(c, self.request)][:1]
        order = PERMIT_OVERRIDES if combine == "permit-overrides" else DENY_OVERRIDES
        results = []
        for child in children:
            results.append(self.node(child))
            self.consider(node)
            effect = results[-1][0]
            if combine.startswith("first-"):
                if effect != INAPPLICABLE:
                    return results[-1]
            elif effect == order[0]:
                break
        for effect in order:
            for result in results:
                if result[0] == effect:
                    return result
        return INAPPLICABLE, None

    # ---- 8.3 ----

    def consider(self, node):
        features = bag_of(self.request, "resource", "api-feature") or []
        if self.is_exact or len(features) != 1:
            return
        for actions in node.all("ProvisionalActions"):
            found = hit(actions, features[0])
            if found is None or (not found[1] and self.selection is not None):
                continue
            preference = find_preference(self.root, found[0])
            if preference is not None:
                self.selection, self.is_exact = preference, found[1]
                return


def path(node):
    """Page 12: ids, or kind and position, from the root to the element that decided."""
    labels = []
    while node is not None and node.name:
        siblings = node.parent.all("rule", "policy", "policy-set")
        position = f"[{siblings.index(node) + 1}]" if node.parent.name else ""
        labels.insert(0, node.attrs.get("id") or node.name + position)
        node = node.parent
    return labels


# ---- 8 data handling ----

def hit(actions, feature):
    """(PolicyId, exact) of a ProvisionalActions element, or None."""
    partial = None
    for action in actions.all("ProvisionalAction"):
        a, b = (v.text.strip(SPACE) for v in action.all("AttributeValue"))
        if a == feature:
            return b, True
        if b == feature:
            return a, True
        if glob_feature(a, feature):
            partial = b, False
        elif glob_feature(b, feature):
            partial = a, False
    return partial


def find_preference(node, policy_id):
    for child in node.all("DataHandlingPreferences"):
        if child.attrs.get("PolicyId", "") == policy_id:
            return child
    for child in node.all("policy-set", "policy", "rule"):
        found = find_preference(child, policy_id)
        if found is not None:
            return found
    return None


def duration(text):
    """(months, seconds) or None; page 8.1"""
    form = re.fullmatch(r"P(?:([0-9]{1,6})Y)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})D)?"
                        r"(T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})S)?)?", text)
    if form is None or text == "P" or text.endswith("T"):
        return None
    y, m, d, _, hours, minutes, seconds = (int(g) if g and g.isdigit() else 0
                                           for g in form.groups())
    return y * 12 + m, ((d * 24 + hours) * 60 + minutes) * 60 + seconds


def date(text):
    form = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?"
                        r"(Z|[+-][0-9]{2}:[0-9]{2})", text)
    if form is None:
        return None
    try:
        whole = datetime.datetime.fromisoformat(form[1] + form[3].replace("Z", "+00:00"))
    except ValueError:
        return None
    return whole + datetime.timedelta(milliseconds=int((form[2] or ".0")[1:4].ljust(3, "0")))


def after(start, delay):
    months, seconds = delay
    start = start.astimezone(datetime.timezone.utc)
    month = start.month - 1 + months
    year, month = start.year + month // 12, month % 12 + 1
    for day in (start.day, 30, 29, 28):
        try:
            return start.replace(year=year, month=month, day=min(day, start.day)) + \
                datetime.timedelta(seconds=seconds)
        except ValueError:
            continue
    return None


def purposes_of(node, all_purposes):
    found = set()
    for purpose in node.all("Purpose") if node is not None else ():
        text = purpose.text.strip(SPACE)
        found |= set(all_purposes) if not text else {text} & set(all_purposes)
    return found


def asked(bits, all_purposes):
    """8.2: None is invalid."""
    if bits is None or len(bits) != 35:
        return None
    return {p for p, bit in zip(all_purposes, bits) if bit == "1"}


def promised(obligations, all_purposes):
    """8.2: unknown and incomplete obligations are dropped."""
    kept = []
    for one in obligations:
        action, triggers = one.get("action", {}), one.get("triggers")
        name = action.get("actionID")
        if name not in GRAMMAR["Obligation"][0] - {"TriggersSet"} or triggers is None:
            continue
        if name == "ActionNotifyDataSubject" and not ("Media" in action and "Address" in action):
            continue
        if all(is_whole(t, all_purposes) for t in triggers):
            kept.append(one)
    return kept


def is_whole(trigger, all_purposes):
    name = trigger.get("triggerID")
    if name == "TriggerDataSubjectAccess":
        return "AccessURI" in trigger
    if name not in GRAMMAR["TriggersSet"][0] or not duration(trigger.get("MaxDelay", "")):
        return False
    if name == "TriggerAtTime":
        start = trigger.get("StartTime", "")
        return start == "StartNow" or date(start) is not None
    if name == "TriggerPersonalDataAccessedForPurpose":
        return asked(trigger.get("Purpose"), all_purposes) is not None
    return True


def satisfies(wanted, trigger, now, all_purposes):
    """8.4, the table"""
    if wanted.name != trigger["triggerID"]:
        return False
    if wanted.name == "TriggerDataSubjectAccess":
        return wanted.one("AccessURI").text.strip(SPACE) == trigger["AccessURI"]
    most = duration(wanted.one("MaxDelay").one("Duration").text.strip(SPACE))
    delay = duration(trigger["MaxDelay"])
    if wanted.name == "TriggerAtTime":
        begin = wanted.one("StartTime").one("DateAndTime")
        begin = date(begin.text.strip(SPACE)) if begin is not None else now
        start = now if trigger["StartTime"] == "StartNow" else date(trigger["StartTime"])
        return begin <= start and after(begin, most) >= after(start, delay)
    if wanted.name == "TriggerPersonalDataAccessedForPurpose" and not (
            purposes_of(wanted, all_purposes) <= asked(trigger["Purpose"], all_purposes)):
        return False
    return after(now, most) >= after(now, delay)


def is_satisfied(wanted, obligations, now, all_purposes):
    actions = [c for c in wanted.children if c.name.startswith("Action")]
    if not actions:
        return True
    names = {actions[0].name} | ({"ActionSecureLog"} if actions[0].name == "ActionLog" else set())
    for one in obligations:
        if one["action"]["actionID"] not in names:
            continue
        if actions[0].name == "ActionNotifyDataSubject" and any(
                actions[0].one(k).text.strip(SPACE) != one["action"][k]
                for k in ("Media", "Address")):
            continue
        if all(any(satisfies(w, t, now, all_purposes) for t in one["triggers"])
               for w in wanted.one("TriggersSet").children):
            return True
    return False


def verdict(evaluation, request, all_purposes):
    """8.4"""
    wanted = asked(request.get("purpose", "1" * 35), all_purposes)
    if wanted is None:
        return False
    if len(bag_of(request, "resource", "api-feature") or []) != 1:
        return True
    preference = evaluation.selection
    if preference is None or preference.one("AuthorizationsSet") is None:
        return False
    if not wanted <= purposes_of(preference.one("AuthorizationsSet").one("AuthzUseForPurpose"),
                                 all_purposes):
        return False
    now = date(request["context"]["now"]) if "now" in request.get("context", {}) else \
        datetime.datetime.now(datetime.timezone.utc)
    obligations = promised(request.get("obligations", []), all_purposes)
    found = preference.one("ObligationsSet")
    return all(is_satisfied(o, obligations, now, all_purposes)
               for o in (found.children if found else ()))


# ---- the root ----

def is_default(rule):
    """7.1, 3: a denial for want of another rule."""
    if rule is None or rule.name != "rule" or rule.one("condition"):
        return False
    matches = []
    while rule is not None and rule.name:
        for subjects in rule.all("target"):
            matches += [match for subject in subjects.children for match in subject.children]
        rule = rule.parent
    return all(attribute_of(one)[0] == "user-id" and
               all(pattern in MACROS for pattern in patterns_of(one)) for one in matches)


def evaluate(root, request, dhp, all_purposes):
    """One document: (effect, path, whether a grant may stand in its place)."""
    evaluation = Evaluation(root, request)
    effect, decided = evaluation.node(root)
    is_open = effect == INAPPLICABLE or effect.startswith("prompt") or effect == DENY and is_default(decided)
    if dhp and effect == PERMIT and not verdict(evaluation, request, all_purposes):
        effect = BLANKET
    return effect, path(decided), is_open


def decide(documents, request, dhp, all_purposes, loaded=load):
    """6.7: the decision, and for each slot its effect and path. @param documents slot -> bytes
    @param loaded load(), or one that remembers"""
    slots, is_open = {}, True
    for slot in SLOTS:
        slots[slot] = INAPPLICABLE, []
        if slot not in documents or (slot == "app" and not bag_of(request, "subject", "id")) or \
                (slot == "grants" and not is_open):
            continue
        try:
            effect, decided, may_grant = evaluate(loaded(documents[slot]), request, dhp, all_purposes)
            slots[slot] = effect, decided
        except Invalid:
            slots[slot], may_grant = ((UNDETERMINED, []), False) if slot != "grants" else (slots[slot], False)
        if slot == "user":
            is_open = may_grant
    counted = dict(slots)
    grants = counted.pop("grants")[0]
    if is_open and grants == PERMIT:
        counted["user"] = PERMIT, []
    effects = [effect for effect, _ in counted.values()]
    found = next((e for e in DENY_OVERRIDES if e in effects), DENY)
    return DENY if found == UNDETERMINED else found, slots
