"""HTML and SVG elements from Python values, escaped."""

from html import escape


class Markup(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


Content = str | Markup | None


def element(name: str, /, *children: Content, **attributes: str | float | bool | None) -> Markup:
    """Return ``<name ...>children</name>``.

    Children that are no `Markup` are escaped, and None is left out. An attribute's trailing or
    inner `_` becomes nothing or `-`; True stands for one without a value, False and None for none.

    Examples
    --------
    >>> element("a", "a < b", href="x.html", class_="cell")
    '<a href="x.html" class="cell">a &lt; b</a>'
    """
    parts = [name]
    for key, value in attributes.items():
        label = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(label)
        elif value is not None and value is not False:
            parts.append(f'{label}="{escape(str(value))}"')
    inner = "".join(
        child if isinstance(child, Markup) else escape(child)
        for child in children
        if child is not None
    )
    return Markup(f"<{' '.join(parts)}>{inner}</{name}>")


def join(*parts: Content) -> Markup:
    """Return the parts one after the other, escaped where they are no markup."""
    return Markup(
        "".join(p if isinstance(p, Markup) else escape(p) for p in parts if p is not None)
    )


def table(head: list[Content], rows: list[list[Content]], **attributes: str) -> Markup:
    """Return a table whose first column holds the rows' headings."""
    top = element("tr", *[element("th", text, scope="col") for text in head])
    body = [
        element("tr", element("th", row[0], scope="row"), *[element("td", c) for c in row[1:]])
        for row in rows
    ]
    return element("table", element("thead", top), element("tbody", *body), **attributes)
