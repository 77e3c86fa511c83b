"""The store against the plainest store there could be: a dictionary that is searched through."""

from __future__ import annotations

import asyncio
import contextvars

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.emulator.arm.store import Store, Tried
from aca_notebook.emulator.journal.database import Database
from aca_notebook.model.ids import parse_id

GROUPS = ["/subscriptions/s", "/subscriptions/s/resourceGroups/one", "/subscriptions/S/resourceGroups/Two"]
RESOURCES = [
    *GROUPS[1:],
    *(f"{group}/providers/Microsoft.App/containerApps/{app}" for group in GROUPS[1:] for app in ("a", "ab")),
]
REVISIONS = [f"{app}/revisions/{name}" for app in RESOURCES[2:] for name in ("r1", "R2")]
ROLES = [
    f"{about}/providers/Microsoft.Authorization/roleAssignments/{name}"
    for about in (*GROUPS, *RESOURCES[2:])
    for name in ("x", "y")
]
IDS = [parse_id(text) for text in RESOURCES + REVISIONS + ROLES]
TYPES = sorted({id_.type for id_ in IDS if id_.type} | {"Microsoft.Resources/resourceGroups"})


def type_of(id_):
    return id_.type or "Microsoft.Resources/resourceGroups"


steps = st.lists(st.tuples(st.sampled_from(["put", "put", "put", "delete"]), st.sampled_from(IDS)), max_size=40)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_is_put_and_deleted_lists_and_children_are_what_a_search_would_find(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("store")
    database = Database(folder / "state.db")
    try:
        kept = asyncio.run(_replay(Store(database), steps))
        for store in (kept[0], Store(database)):  # as it is, and as it is read again
            _compare(store, kept[1])
    finally:
        database.close()


async def _replay(store, steps):
    plain = {}
    for number, (action, id_) in enumerate(steps):
        if action == "put":
            document = {"id": str(id_), "number": number, "list": [{"deep": number}]}
            await store.put(id_, document)
            plain[id_.key] = document
        else:
            await store.delete(id_)
            plain = {key: each for key, each in plain.items() if key != id_.key and not key.startswith(f"{id_.key}/")}
    return store, plain


def _compare(store, plain):
    found = {key: parse_id(document["id"]) for key, document in sorted(plain.items())}
    for id_ in IDS:
        assert store.get(id_) == plain.get(id_.key)
    for type_ in TYPES:
        of_type = [key for key, id_ in found.items() if type_of(id_) == type_]
        assert store.list(type_.upper(), "S") == [plain[key] for key in of_type]
        for group in ("one", "two"):
            inside = [plain[key] for key in of_type if found[key].resource_group.lower() == group and found[key].types]
            assert store.list(type_, "s", group) == inside
        for parent in {id_.parent for id_ in IDS}:
            below = [plain[key] for key in of_type if found[key].parent == parent]
            assert store.children(parent, type_) == below


def test_what_the_store_gives_and_takes_is_a_copy(tmp_path):
    database = Database(tmp_path / "state.db")
    try:
        store, id_ = Store(database), IDS[2]
        given_ = {"id": str(id_), "tags": {"a": ["1"]}}
        asyncio.run(store.put(id_, given_))
        given_["tags"]["a"].append("2")
        store.get(id_)["tags"]["a"].append("3")
        store.list(id_.type, "s")[0]["tags"].clear()
        assert store.get(id_)["tags"] == {"a": ["1"]}
    finally:
        database.close()


def test_what_is_tried_is_seen_by_who_tries_and_stored_nowhere(tmp_path):
    database = Database(tmp_path / "state.db")
    app, revision = (parse_id(text) for text in (RESOURCES[2], REVISIONS[0]))

    async def put(store, id_, document):
        with pytest.raises(Tried):
            await store.put(id_, document)

    async def main():
        store = Store(database)
        await store.put(app, {"id": str(app), "kept": True})
        with store.trial() as trial:
            await put(store, app, {"id": str(app), "kept": False})
            await put(store, revision, {"id": str(revision)})
            with pytest.raises(Tried):
                await store.delete(app)
            assert store.get(app) == trial.documents[app.key] == {"id": str(app), "kept": False}
            assert store.children(app, revision.type) == [{"id": str(revision)}]
            assert store.list(app.type, app.subscription) == [{"id": str(app), "kept": False}]
            others = await asyncio.create_task(seen(store), context=contextvars.Context())
            assert others == ({"id": str(app), "kept": True}, [])
        return store

    async def seen(store):
        return store.get(app), store.children(app, revision.type)

    try:
        store = asyncio.run(main())
        for after in (store, Store(database)):
            assert after.get(app) == {"id": str(app), "kept": True}
            assert after.get(revision) is None
    finally:
        database.close()
