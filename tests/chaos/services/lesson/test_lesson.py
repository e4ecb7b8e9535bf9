"""What the lesson says, on each broker with each result backend: the tests are the lesson's own."""

import pytest

# Redis' keys are Redis' own, and a plain call asks no broker.
from lesson.test_canvas import (  # noqa: F401
    test_chain,
    test_chord,
    test_group,
    test_immutable_link,
    test_link,
    test_partial,
    test_partial_group,
    test_signature,
    test_signature_survives_json,
)
from lesson.test_first_steps import (  # noqa: F401
    test_apply_async,
    test_delay,
    test_failure_is_raised_by_get,
    test_only_json_goes_out,
    test_result_by_its_id,
    test_result_is_forgotten,
    test_retry_gives_up,
    test_retry_on_an_exception,
    test_the_lessons_worker_leaves_the_other_app_alone,
)

pytestmark = pytest.mark.services
