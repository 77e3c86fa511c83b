"""What the functions of templates return, and what they refuse in Resource Manager's words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aca_notebook.emulator.arm.templates.evaluation import evaluate
from aca_notebook.emulator.arm.templates.hashes import template_hash
from aca_notebook.emulator.arm.templates.place import Place
from aca_notebook.emulator.arm.templates.scopes import Budget, Moment, Scope
from aca_notebook.emulator.arm.templates.syntax import ExpressionError, parse

SUBSCRIPTION = {"id": "/subscriptions/s", "subscriptionId": "s", "tenantId": "t", "displayName": "Local"}
GROUP = {"id": "/subscriptions/s/resourceGroups/g", "name": "g", "location": "eastus", "tags": {"a": "b"}}
IN_GROUP = Place(SUBSCRIPTION, GROUP, {"tenantId": "t"}, {"name": "AzureCloud"}, {"name": "d"}, {"objectId": "o"})
IN_SUBSCRIPTION = Place(SUBSCRIPTION, None, {}, {}, {}, {})
ENVIRONMENT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/e"


def value(text: str, **scope):
    return evaluate(parse(text), Scope(scope.pop("place", IN_GROUP), **scope))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Answered by Azure: Microsoft's own library for the first, Bicep for the others.
        ("uniqueString('tyeth')", "zcztcwvu6iyg6"),
        ("uniqueString('test')", "rbgf3xv4ufgzg"),
        ("uniqueString('hello', 'world')", "a7wkljktk6wne"),
        ("uniqueString('abc')", "cgtzqvhu4i23s"),
        ("uniqueString('/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/my-rg')", "bmg7c6xu4tw46"),
    ],
)
def test_unique_strings_are_azures(text, expected):
    assert value(text) == expected


def test_a_templates_hash_is_azures():
    # recorded: azure-cli's test_group_deployment_lite
    schema = "https://schema.management.azure.com/schemas/2015-01-01/deploymentParameters.json#"
    assert template_hash({"$schema": schema, "contentVersion": "1.0.0.0", "resources": []}) == "3965660584125802942"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("concat('a', 1, true())", "a1True"),
        ("concat(createArray(1), createArray('b'))", [1, "b"]),
        ("format('{0}-{1:D3}{{}}', 'a', 7)", "a-007{}"),
        ("format('{0,4}|{0,-4}|{1:N1}', 'x', 1234)", "   x|x   |1,234.0"),
        ("string(createObject('a', createArray(1, null())))", '{"a":[1,null]}'),
        ("replace('123-123-1234', '-', '')", "1231231234"),
        ("split('one;two,three', createArray(',', ';'))", ["one", "two", "three"]),
        ("join(createArray('a', 'b'), ',')", "a,b"),
        ("padLeft('123', 10, '0')", "0000000123"),
        ("substring('one two', 4, 3)", "two"),
        ("base64ToString(base64('one, two'))", "one, two"),
        ("base64ToJson(base64('{\"a\": 1}')).a", 1),
        ("uriComponentToString(uriComponent('http://a b'))", "http://a b"),
        ("uri('http://contoso.org/firstpath', 'myscript.sh')", "http://contoso.org/myscript.sh"),
        ("toUpper(trim(' a '))", "A"),
        ("startsWith('abcdef', 'AB')", True),
        ("endsWith('abcdef', 'EF')", True),
        ("indexOf('abcabc', 'C')", 2),
        ("lastIndexOf('abcabc', 'a')", 3),
        ("length('abc')", 3),
        ("length(createObject('a', 1))", 1),
        ("empty(json('null'))", True),
        ("contains('OneTwo', 'e')", True),
        ("contains(createObject('One', 1), 'one')", True),
        ("contains(createArray('one'), 'One')", False),
        ("equals(createObject('a', createArray(1)), createObject('a', createArray(1)))", True),
        ("equals(1, true())", False),
        ("first('abc')", "a"),
        ("last(createArray(1, 2))", 2),
        ("first(createArray())", None),
        ("skip(createArray(1, 2, 3), 2)", [3]),
        ("take('abc', 2)", "ab"),
        ("union(createArray(1, 2), createArray(2, 3))", [1, 2, 3]),
        ("union(createObject('a', createObject('b', 1)), createObject('a', createObject('c', 2)))",
         {"a": {"b": 1, "c": 2}}),
        ("intersection(createObject('a', 1, 'b', 2), createObject('b', 2, 'a', 0))", {"b": 2}),
        ("intersection(createArray(1, 2, 3), createArray(3, 2))", [2, 3]),
        ("range(5, 3)", [5, 6, 7]),
        ("flatten(createArray(createArray(1), createArray(2)))", [1, 2]),
        ("items(createObject('b', 2, 'a', 1))", [{"key": "a", "value": 1}, {"key": "b", "value": 2}]),
        ("objectKeys(createObject('b', 2, 'a', 1))", ["a", "b"]),
        ("shallowMerge(createArray(createObject('a', 1), createObject('a', 2)))", {"a": 2}),
        ("tryGet(createObject('a', createArray(7)), 'A', 0)", 7),
        ("tryGet(createObject('a', 1), 'b', 0)", None),
        ("tryIndexFromEnd(createArray(1, 2), 1)", 2),
        ("min(createArray(3, 1))", 1),
        ("max(3, 1)", 3),
        ("add(1, mul(2, 3))", 7),
        ("div(-7, 2)", -3),
        ("mod(-7, 2)", -1),
        ("int('42')", 42),
        ("bool('true')", True),
        ("array(1)", [1]),
        ("less('Abc', 'abc')", True),
        ("greaterOrEquals(2, 2)", True),
        ("and(true(), not(false()))", True),
        ("coalesce(null(), json('null'), 'a')", "a"),
        ("if(true(), 'yes', fail('never evaluated'))", "yes"),
        ("or(true(), bool('never evaluated'))", True),
        ("map(range(0, 3), lambda('n', mul(lambdaVariables('n'), lambdaVariables('n'))))", [0, 1, 4]),
        ("map(createArray('a', 'b'), lambda('x', 'i', format('{0}{1}', lambdaVariables('x'), lambdaVariables('i'))))",
         ["a0", "b1"]),
        ("filter(range(0, 5), lambda('n', greater(lambdaVariables('n'), 2)))", [3, 4]),
        ("reduce(range(1, 4), 0, lambda('a', 'b', add(lambdaVariables('a'), lambdaVariables('b'))))", 10),
        ("sort(createArray(3, 1, 2), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))", [1, 2, 3]),
        ("toObject(createArray('a'), lambda('x', lambdaVariables('x')), lambda('x', 1))", {"a": 1}),
        ("mapValues(createObject('a', 1), lambda('v', add(lambdaVariables('v'), 1)))", {"a": 2}),
        ("groupBy(createArray('aa', 'ab'), lambda('x', first(lambdaVariables('x'))))", {"a": ["aa", "ab"]}),
        ("dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')", "2023-04-07 14:53:14Z"),
        ("dateTimeAdd('2020-01-31', 'P1M', 'yyyy-MM-dd')", "2020-02-29"),
        ("dateTimeAdd('2020-04-07 14:53:14Z', '-P9DT1H')", "2020-03-29 13:53:14Z"),
        ("dateTimeToEpoch('2023-05-02T15:16:13Z')", 1683040573),
        ("dateTimeFromEpoch(1683040573)", "2023-05-02T15:16:13Z"),
        ("cidrSubnet('10.144.0.0/20', 24, 3)", "10.144.3.0/24"),
        ("cidrHost('10.144.3.0/24', 1)", "10.144.3.2"),
        ("parseCidr('10.144.0.0/20').lastUsable", "10.144.15.254"),
        ("resourceGroup().tags.A", "b"),
        ("subscription().tenantId", "t"),
        ("resourceId('Microsoft.App/managedEnvironments', 'e')", ENVIRONMENT),
        ("resourceId('h', 'Microsoft.App/managedEnvironments/storages', 'e', 's')",
         "/subscriptions/s/resourceGroups/h/providers/Microsoft.App/managedEnvironments/e/storages/s"),
        ("resourceId('u', 'h', 'Microsoft.App/jobs', 'j')",
         "/subscriptions/u/resourceGroups/h/providers/Microsoft.App/jobs/j"),
        ("subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
         "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/r"),
        ("extensionResourceId('/subscriptions/s', 'Microsoft.Authorization/locks', 'l')",
         "/subscriptions/s/providers/Microsoft.Authorization/locks/l"),
        ("tenantResourceId('Microsoft.Management/managementGroups', 'm')",
         "/providers/Microsoft.Management/managementGroups/m"),
    ],
)  # fmt: skip
def test_functions_return_what_the_documentation_says(text, expected):
    assert value(text) == expected


def test_ids_at_the_subscriptions_scope_have_no_group():
    found = value("resourceId('Microsoft.Authorization/locks', 'l')", place=IN_SUBSCRIPTION)
    assert found == "/subscriptions/s/providers/Microsoft.Authorization/locks/l"


def test_the_present_moment_is_for_defaults_of_parameters_alone():
    moment = Moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), lambda: "drawn")
    assert value("utcNow()", moment=moment) == "20260102T030405Z"
    assert value("utcNow('yyyy-MM-dd')", moment=moment) == "2026-01-02"
    assert value("newGuid()", moment=moment) == "drawn"
    with pytest.raises(ExpressionError, match="'utcNow' is not expected at this location"):
        value("utcNow()")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("frobnicate('a')", "The template function 'frobnicate' is not valid"),
        ("length()", "'length': function requires 1 argument\\(s\\) while 0 were provided"),
        ("substring('abc', 2, 5)", "must refer to a location within the string"),
        ("createObject('a', 1).b", "property 'b' doesn't exist, available properties are 'a'"),
        ("createArray(1)[2]", "array index '2' is out of bounds"),
        ("parameters('p')", "The template parameter 'p' is not found"),
        ("variables('v')", "The template variable 'v' is not found"),
        ("resourceId('Microsoft.App/jobs')", "at least 2 argument"),
        ("resourceId('Microsoft.App/jobs', 'a', 'b')", "requires '1' resource name argument"),
        ("div(1, 0)", "the divisor is zero"),
        ("add(9223372036854775807, 1)", "out of range"),
        ("if('yes', 1, 2)", "of type 'Boolean' was expected"),
        ("copyIndex()", "not expected at this location"),
        ("lambdaVariables('x')", "lambda variable 'x' is not found"),
        ("concat('a'", "expected token 'RightParenthesis' and actual 'EndOfData'"),
        ("concat('a')b", "expected token 'EndOfData' and actual 'Identifier'"),
        ("range(0, 10001)", "must be between 0 and 10000"),
        ("json('{')", "not valid JSON"),
        ("fail('as told')", "as told"),
    ],
)
def test_what_has_no_value_is_refused_by_name(text, refusal):
    with pytest.raises(ExpressionError, match=refusal):
        value(text)


def test_an_expression_that_never_comes_to_its_end_is_refused():
    with pytest.raises(ExpressionError, match="too many functions"):
        value("map(range(0, 99), lambda('n', add(lambdaVariables('n'), 1)))", budget=Budget(50))
