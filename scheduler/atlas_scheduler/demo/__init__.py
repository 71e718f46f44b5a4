"""A made-up past of a scheduler, to try things out on: jobs, what they recorded, what they left."""
