def __getattr__(name: str) -> object:
    if name == "thing":
        raise AssertionError("it is asked for")
    raise AttributeError(name)
