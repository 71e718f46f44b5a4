"""Which variables of a job the installation of its requirements sees.

What it sees can decide what is installed, so all of that counts when environments are told apart;
whatever else a job is given, such as a seed that differs from job to job, is kept from it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

ALSO_SEEN = "ATLAS_INSTALL_VARIABLES"
"""Variable with the names of further ones, separated by spaces."""
_PREFIXES = ("PIP_", "UV_", "CMAKE_", "CARGO_", "RUST", "GIT_", "SETUPTOOLS_", "SKBUILD_")
_NAMES = frozenset(
    (
        *("PATH", "HOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY"),
        *("NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("CC", "CXX", "CPP", "FC", "F77", "LD", "AR", "RANLIB", "NVCC", "CUDACXX", "CUDAHOSTCXX"),
        *("CFLAGS", "CXXFLAGS", "CPPFLAGS", "FFLAGS", "FCFLAGS", "LDFLAGS", "MAKEFLAGS"),
        *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH"),
        *("PKG_CONFIG", "PKG_CONFIG_PATH", "MAX_JOBS", "SOURCE_DATE_EPOCH"),
        *("CUDA_HOME", "CUDA_PATH", "CUDAARCHS", "FORCE_CUDA", "TORCH_CUDA_ARCH_LIST"),
        *("ROCM_HOME", "ROCM_PATH", "HIP_PATH", "PYTORCH_ROCM_ARCH"),
    )
)


def seen(variables: Mapping[str, str], *, named: Collection[str] = ()) -> dict[str, str]:
    """Choose the variables that an installation sees.

    Args:
        variables: what the job is given.
        named: those that its requirements files name.
    """
    wanted = {*named, *re.split(r"[\s,]+", variables.get(ALSO_SEEN, ""))}
    return {
        name: value
        for name, value in variables.items()
        if name in wanted or name.upper() in _NAMES or name.startswith(_PREFIXES)
    }


def in_key(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Write variables so that they can be part of what names an environment."""
    return tuple(f"{name}={variables[name]}" for name in sorted(variables))


def settings_words(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """List the words that settings of pip and uv have as values, each with the setting's name."""
    return [
        (name, word)
        for name in sorted(variables)
        if name.startswith(("PIP_", "UV_"))
        for word in re.split(r"[\s,]+", variables[name])
        if word
    ]
