"""Every request to a scheduler as data, and how to read its answer; nothing is sent here.

`read(call, status, body)` gives the value of an answer or raises what it means. One module a noun.
"""

from foundations.calls import access as access
from foundations.calls import bundles as bundles
from foundations.calls import execs as execs
from foundations.calls import images as images
from foundations.calls import jobs as jobs
from foundations.calls import logs as logs
from foundations.calls import projects as projects
from foundations.calls import queue as queue
from foundations.calls import records as records
from foundations.calls import scheduler as scheduler
from foundations.calls import secrets as secrets
from foundations.calls import submissions as submissions
from foundations.calls import tunnels as tunnels
from foundations.calls.call import PREFIX as PREFIX
from foundations.calls.call import Call as Call
from foundations.calls.call import as_json as as_json
from foundations.transport.answers import read as read
