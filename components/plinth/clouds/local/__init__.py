"""This machine: what is known of it without Pulumi."""

from __future__ import annotations

from plinth.clouds import CloudInfo, Terms
from plinth.clouds.local.checks import check
from plinth.clouds.local.options import LocalOptions, folder_of
from plinth.ports import Port

CLOUD = CloudInfo(
    name="local",
    title="this machine",
    adapter="plinth.clouds.local.adapter:Local",
    products={
        Port.OBJECT_STORE: "folders",
        Port.PROCESSES: "processes under supervisord, Python environments by uv",
    },
    sdk="supervisor",
    extra="local",
    packages=("plinth-local",),
    stateful={"plinth-local:index:Folder", "plinth-local:index:Password"}.__contains__,
    check=check,
    options=LocalOptions,
    terms=Terms(place=""),
    home=folder_of,
)
