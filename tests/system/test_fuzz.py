"""A seeded sample of the fuzz bench (`python -m tests.bench fuzz`), and the proof that it finds what it is to find."""

from tests.bench.fuzz.harness import Case, Worker, run_cases
from tests.bench.fuzz.run import COUNTS, sample

SHARE = 0.03
"""Of all cases; well under a minute on a busy machine."""


def test_a_sample_of_mutated_inputs_has_no_finding() -> None:
    outcomes = run_cases(sample(0, SHARE))
    assert {outcome.case.kind for outcome in outcomes} == {*COUNTS}
    assert not [str(outcome) for outcome in outcomes if outcome.finding]


def test_what_is_planted_is_found() -> None:
    worker = Worker(hang_s=1.0)
    findings = [worker.run(Case("planted", 0, number)).finding for number in range(24)]
    worker.close()
    for sign in ("ZeroDivisionError: planted", "threading.py", "said the secret", "died with exit code -6", "hung for"):
        assert any(sign in finding for finding in findings), sign
    assert "" in findings
