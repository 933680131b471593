"""Two versions, compared."""

from builders.html import addresses, of_class, options, said, tables
from builders.pages import Visitor

PAIR = "/diff?old=detector@v2&new=detector@v3"


def test_the_headline_the_totals_and_who_made_the_change(visit: Visitor) -> None:
    page = visit(PAIR)
    assert said(next(page.iter("h1"))).startswith("macs +100.00 %")
    assert ["macs", "128", "256", "+128", "+100.00 %"] in tables(page)["Totals"]
    (bars,) = of_class(page, "parts")
    assert said(bars) == "50 % dense/2 1 new MatMul +64 50 % dense/3 1 new MatMul +64"


def test_each_changed_layer_leads_to_where_it_stands(visit: Visitor) -> None:
    page = visit(PAIR)
    rows = tables(page)["Changes"][1:]
    assert [(row[0], row[5], row[6]) for row in rows] == [
        ("dense/2/dense2", "+64", "1 new MatMul"),
        ("dense/3/dense3", "+64", "1 new MatMul"),
    ]
    link = addresses(page)["dense/2/dense2"]
    assert link == "/models/detector/versions/v3?layer=2&scope=dense%2F2#layer"
    assert "Layer 3: dense2" in said(visit(link.partition("#")[0]))


def test_a_removed_layer_leads_to_the_old_version(visit: Visitor) -> None:
    page = visit("/diff?old=detector@v3&new=detector@v2")
    link = addresses(page)["dense/3/dense3"]
    assert link.startswith("/models/detector/versions/v3?layer=3")


def test_layers_are_rolled_up_by_module_and_by_operator(visit: Visitor) -> None:
    page = visit(f"{PAIR}&by=scope")
    assert addresses(page)["dense/2"] == "/models/detector/versions/v3?scope=dense%2F2"
    page = visit(f"{PAIR}&by=op&metric=params")
    assert tables(page)["Changes"][1][:2] == ["MatMul", "4"]
    assert options(page, "by")[1] == "op"
    assert options(page, "metric")[1] == "params"


def test_the_sides_can_be_swapped(visit: Visitor) -> None:
    page = visit(addresses(visit(PAIR))["Swap them"])
    assert "-50.00 %" in said(next(page.iter("h1")))


def test_what_is_the_same_has_nothing_to_list(visit: Visitor) -> None:
    page = visit("/diff?old=detector@v1&new=detector@v2")
    assert "every layer is as it was" in said(page)
    assert "both have the same structure" in said(page)


def test_without_two_names_there_is_a_form(visit: Visitor) -> None:
    for address in ("/diff", "/diff?old=detector@v1", "/diff?old=%20&new="):
        assert said(next(visit(address).iter("h1"))) == "Compare two versions"


def test_no_file_of_the_server_is_read(visit: Visitor) -> None:
    for name in ("pyproject.toml", "README.md"):
        assert "there is no model" in said(visit(f"/diff?old={name}&new=detector@v1", 404))
    for name in ("/etc/passwd", "file:///etc/passwd", "./README.md"):
        assert "is no name for a model" in said(visit(f"/diff?old={name}&new=detector@v1", 422))


def test_a_metric_that_layers_do_not_have_is_told(visit: Visitor) -> None:
    assert "no metric 'arithmetic_intensity' here" in said(
        visit(f"{PAIR}&metric=arithmetic_intensity", 422)
    )
