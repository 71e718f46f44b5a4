"""Commands beside jobs and ports of jobs, from the client's side."""
