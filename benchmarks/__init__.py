"""Measurements of the product beside others, in one run on the same input: `roadworthy bench NAME`."""
