"""The operations of the API that change cameras."""

from functools import partial

from deploy.web.access.users import Role
from deploy.web.operation import API, NoQuery, Operation
from deploy.web.roster.changing import STATES, ChangedCamera, NewCamera, add_camera, change_camera, put_state
from deploy.web.roster.wishes import CameraWish
from deploy.web.site import WebSite

ONE = f"{API}cameras/{{camera}}"


def roster_operations(site: WebSite) -> list[Operation]:
    """Adding, changing, pausing, resuming and removing cameras."""
    make = partial(Operation, role=Role.ADMIN, query=NoQuery, answer=CameraWish)
    south = f"{API}cameras/south"
    return [
        make(
            method="POST",
            path=f"{API}cameras",
            summary="Have one camera more watched.",
            handler=lambda call: add_camera(site, call, call.body),
            body=NewCamera,
            status=201,
            example=f"{API}cameras",
            example_body={"id": "south", "source": "rtsp://admin@10.0.0.8/1"},
        ),
        make(
            method="PATCH",
            path=ONE,
            summary="Give a camera other settings; it is opened anew.",
            handler=lambda call: change_camera(site, call, call.body),
            body=ChangedCamera,
            example=south,
            example_body={"source": "rtsp://admin@10.0.0.9/1"},
        ),
        *(
            make(
                method="DELETE" if command == "remove" else "POST",
                path=ONE if command == "remove" else f"{ONE}/{command}",
                summary=summary,
                handler=partial(put_state, site, command),
                example=south if command == "remove" else f"{south}/{command}",
            )
            for command, (summary, _) in STATES.items()
        ),
    ]
