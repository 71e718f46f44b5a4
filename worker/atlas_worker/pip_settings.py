"""What this machine or image has set up for pip, in the words of uv, which reads none of it."""

import configparser
import os
import sys
from typing import Dict, Iterator, List, Mapping

_SECTIONS = ("global", "install")
_UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "constraint": "UV_CONSTRAINT",
    "pre": "UV_PRERELEASE",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
_OWN_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
"""Whoever sets one of these has chosen the indexes for uv."""
_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
_TRUE = ("1", "true", "yes", "on")


def for_uv(environment: Mapping[str, str]) -> Dict[str, str]:
    """Build the environment of uv: pip's settings where uv has none of its own.

    Args:
        environment: in which pip would run.

    Returns:
        That environment, and what uv must be told.
    """
    chosen = dict(environment)
    has_index = _has_own_index(environment)
    for option, value in _settings(environment).items():
        name = _UV_NAMES.get(option, "")
        if not name or name in chosen or (has_index and option.endswith("index-url")):
            continue
        chosen[name] = _translated(option, value)
    # pip trusts what the system trusts, such as the authority of a company.
    if "SSL_CERT_FILE" not in chosen and environment.get("REQUESTS_CA_BUNDLE"):
        chosen["SSL_CERT_FILE"] = environment["REQUESTS_CA_BUNDLE"]
    if any(os.path.isfile(path) for path in _AUTHORITIES):
        chosen.setdefault("UV_SYSTEM_CERTS", "1")
    return chosen


def options_for_uv(environment: Mapping[str, str]) -> List[str]:
    """List what uv is told of pip's settings by options, having no variables for it.

    Args:
        environment: in which pip would run.
    """
    is_shut = _settings(environment).get("no-index", "").lower() in _TRUE
    return ["--no-index"] if is_shut and not _has_own_index(environment) else []


def _has_own_index(environment: Mapping[str, str]) -> bool:
    return any(environment.get(name) for name in _OWN_INDEX)


def _translated(option: str, value: str) -> str:
    if option == "pre":
        return "allow" if value.lower() in _TRUE else "if-necessary-or-explicit"
    if option == "find-links":
        return ",".join(value.split())
    return " ".join(value.split())


def _settings(environment: Mapping[str, str]) -> Dict[str, str]:
    """Read pip's settings; of one that is there twice, the later place counts."""
    found = {}  # type: Dict[str, str]
    for path in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip would refuse it; what is missing shows in the log
        for section in _SECTIONS:
            if parser.has_section(section):
                found.update(parser.items(section))
    for name, value in environment.items():
        if name.startswith("PIP_"):
            found[name[4:].lower().replace("_", "-")] = value
    return {option: value for option, value in found.items() if value}


def _files(environment: Mapping[str, str]) -> Iterator[str]:
    """Name the files that pip reads, in its order."""
    for directory in reversed(environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)):
        yield os.path.join(directory, "pip", "pip.conf")
    yield "/etc/pip.conf"
    home = environment.get("HOME", "")
    if home:
        yield os.path.join(home, ".pip", "pip.conf")
        config = environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        yield os.path.join(config, "pip", "pip.conf")
    yield os.path.join(sys.prefix, "pip.conf")
    if environment.get("PIP_CONFIG_FILE"):
        yield environment["PIP_CONFIG_FILE"]
