def test_methods_are_listed_by_their_manifests_and_described_by_the_worker(opened, mail, fakes) -> None:
    methods = opened.methods
    assert [one.id for one in methods.usable] == ["fake", "other"]
    assert methods.current.id == "fake"
    assert methods.schema("fake") == fakes.SCHEMA
    assert methods.devices[0]["name"] == "cpu"
    described = []
    methods.described.connect(described.append)
    methods.choose("other")
    mail.wait_until(lambda: described)
    assert methods.schema("other") is not None
    assert opened.settings.method == "other"


def test_values_that_are_as_their_default_are_left_out(opened) -> None:
    methods = opened.methods
    methods.set_value("fake", "rounds", 4)
    methods.set_value("fake", "is_smooth", True)
    assert methods.values("fake") == {"rounds": 4, "is_smooth": True}
    methods.set_value("fake", "rounds", 2)
    assert methods.values("fake") == {"is_smooth": True}
    methods.reset_values("fake")
    assert methods.values("fake") == {}


def test_an_unknown_method_is_not_chosen(opened) -> None:
    opened.methods.choose("nothing")
    assert opened.methods.current.id == "fake"


def test_the_method_used_last_is_chosen_again(session, mail) -> None:
    session.settings.method = "other"
    session.methods.look()
    mail.wait_until(lambda: session.methods.current)
    assert session.methods.current.id == "other"
