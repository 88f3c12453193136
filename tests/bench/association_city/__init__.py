"""`python -m tests.bench association_city`: association on fresh city traffic, beside what bounds it on either side."""
