"""The kit against real beats and workers, which run under a virtual clock that the kit has nothing to do with."""
