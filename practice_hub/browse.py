"""The model list's page: what a visitor may filter by, with counts, and what that leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from practice_hub.model_info import as_list, pipeline_tag, safetensors, tags
from practice_hub.model_list import ordered, parameter_bounds
from practice_hub.repos import Repo

ON_A_PAGE = 30
LONGEST_FILTER = 200  # characters
MOST_WORDS = 20
LIBRARIES = (
    "transformers",
    "sentence-transformers",
    "diffusers",
    "safetensors",
    "pytorch",
    "tf",
    "jax",
    "onnx",
    "gguf",
    "rust",
)
SIZES = {
    "max:1B": "up to 1B",
    "min:1B,max:3B": "1B to 3B",
    "min:3B,max:9B": "3B to 9B",
    "min:9B,max:24B": "9B to 24B",
    "min:24B,max:128B": "24B to 128B",
    "min:128B": "128B and more",
}
SORTS = {
    "trending": ("Trending", "trendingScore"),
    "downloads": ("Most downloads", "downloads"),
    "likes": ("Most likes", "likes"),
    "created": ("Newest", "createdAt"),
    "modified": ("Recently updated", "lastModified"),
}
GROUPS = {
    "pipeline_tag": "Tasks",
    "num_parameters": "Parameters",
    "library": "Libraries",
    "license": "Licenses",
}


def bounded(text: str) -> str:
    """A filter's value, cut to a bound because each page repeats it in a hundred links."""
    return " ".join(text[:LONGEST_FILTER].split()[:MOST_WORDS])


@dataclass(frozen=True)
class Wanted:
    """What the address asks for, under the names that the Hub's own list page uses."""

    pipeline_tag: str = ""
    library: str = ""
    license: str = ""
    num_parameters: str = ""
    other: str = ""
    author: str = ""
    search: str = ""
    sort: str = ""
    p: int = 0

    @classmethod
    def from_query(cls, query: QueryParams) -> Wanted:
        given = {field.name: bounded(query.get(field.name, "")) for field in fields(cls)}
        page = given.pop("p")
        found = cls(**given, p=int(page) if page.isdecimal() and len(page) < 7 else 0)
        return replace(
            found,
            license=found.license.removeprefix("license:"),
            sort=found.sort if found.sort in SORTS else "trending",
        )

    def address(self, **changes: Any) -> str:
        """The list's address with these changes. It leads to the first page if not told."""
        new = replace(self, **{"p": 0, **changes})
        pairs = {field.name: getattr(new, field.name) for field in fields(new)}
        pairs["license"] = new.license and f"license:{new.license}"
        pairs["sort"] = "" if new.sort == "trending" else new.sort
        query = urlencode({name: value for name, value in pairs.items() if value})
        return f"/models?{query}" if query else "/models"


@dataclass(frozen=True)
class Row:
    """One model of the list, with what it can be found by."""

    repo: Repo
    task: str | None
    licenses: list[str]
    tags: frozenset[str]
    parameters: int | None

    @classmethod
    def of(cls, repo: Repo) -> Row:
        return cls(
            repo,
            pipeline_tag(repo.main),
            as_list((repo.main.card or {}).get("license")),
            frozenset(tags(repo, repo.main)),
            (safetensors(repo.main) or {}).get("total"),
        )

    def options(self, group: str) -> Iterable[str]:
        """The options of a group in the sidebar that lead to this model."""
        match group:
            case "pipeline_tag":
                return [self.task] if self.task else []
            case "library":
                return [name for name in LIBRARIES if name in self.tags]
            case "license":
                return self.licenses
        return [size for size in SIZES if self.fits(size)]

    def fits(self, size: str) -> bool:
        within = parameter_bounds(size)
        return within is None or (self.parameters is not None and within(self.parameters))

    def matches(self, wanted: Wanted, leave_out: str = "") -> bool:
        """Whether this model is asked for; one group can be left out, to count its options."""
        for group in GROUPS:
            value = getattr(wanted, group)
            if not value or group == leave_out:
                continue
            if group == "num_parameters":
                if not self.fits(value):
                    return False
            elif value not in self.options(group) and (
                group != "library" or value not in self.tags
            ):
                return False
        if wanted.other and wanted.other not in self.tags:
            return False
        if wanted.author and self.repo.owner != wanted.author:
            return False
        return all(word in self.repo.id.lower() for word in wanted.search.lower().split())


@dataclass(frozen=True)
class Option:
    label: str
    count: int
    address: str
    chosen: bool


@dataclass(frozen=True)
class Group:
    title: str
    options: list[Option]


def sidebar(rows: list[Row], wanted: Wanted) -> list[Group]:
    return [Group(title, group_options(rows, wanted, group)) for group, title in GROUPS.items()]


def group_options(rows: list[Row], wanted: Wanted, group: str) -> list[Option]:
    """Each option with the number of models it would leave. A chosen one's link removes it."""
    chosen = getattr(wanted, group)
    open_rows = [row for row in rows if row.matches(wanted, leave_out=group)]
    counts = Counter(option for row in open_rows for option in row.options(group))
    names = list(SIZES) if group == "num_parameters" else [name for name, _ in counts.most_common()]
    if chosen and chosen not in names:
        names.insert(0, chosen)
    return [
        Option(
            SIZES.get(name, name),
            counts[name],
            wanted.address(**{group: "" if name == chosen else name}),
            name == chosen,
        )
        for name in names
        if counts[name] or name == chosen
    ]


def active_filters(wanted: Wanted) -> list[tuple[str, str]]:
    """(what it says, the address without it) of each filter in force."""
    words = {
        "pipeline_tag": "Task",
        "library": "Library",
        "license": "License",
        "num_parameters": "Parameters",
        "other": "Tag",
        "author": "Author",
        "search": "Search",
    }
    return [
        (f"{word}: {SIZES.get(value, value)}", wanted.address(**{name: ""}))
        for name, word in words.items()
        if (value := getattr(wanted, name))
    ]


def found_rows(rows: list[Row], wanted: Wanted) -> list[Row]:
    by_id = {row.repo.id: row for row in rows if row.matches(wanted)}
    repos = [row.repo for row in by_id.values()]
    return [by_id[repo.id] for repo in ordered(repos, SORTS[wanted.sort][1])]
