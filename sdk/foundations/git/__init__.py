"""What git knows of a directory that is submitted, asked so that a repository runs nothing."""
