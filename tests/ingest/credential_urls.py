"""Camera URLs with a password in every place where one has been seen; for tests and for the fuzz bench."""

from urllib.parse import quote

PLACES = {
    "account": "rtsp://{user}:{secret}@{host}/Streaming/Channels/101",
    "account without a user": "rtsp://:{secret}@{host}/1",
    "account, no path": "http://{user}:{secret}@{host}",
    "account and query": "http://{user}:{secret}@{host}/video.mjpg?channel=1&fps=5",
    "path, underscores": "rtsp://{host}/user={user}_password={secret}_channel=1_stream=0.sdp?real_stream",
    "path, ampersands": "rtsp://{host}/user={user}&password={secret}&channel=1&stream=0.sdp?",
    "path, dashes": "rtsp://{host}/user={user}-password={secret}-channel=1-stream=0.sdp",
    "path, semicolons": "rtsp://{host}/live;user={user};pwd={secret};channel=1",
    "path, last": "rtsp://{host}/user={user}_password={secret}",
    "loginpas": "http://{host}/videostream.cgi?loginuse={user}&loginpas={secret}&resolution=32",
    "pwd": "http://{host}/videostream.cgi?user={user}&pwd={secret}&rate=0",
    "PWD": "http://{host}/cgi-bin/encoder?USER={user}&PWD={secret}&GET_STREAM",
    "usr": "rtsp://{host}/ch0.h264?usr={user}&psw={secret}",
    "dashed names": "http://{host}/snap.cgi?-usr={user}&-pwd={secret}&",
    "token": "https://{host}/live.m3u8?access_token={secret}",
    "api key": "https://{host}/live.m3u8?api_key={secret}&quality=hd",
    "signature": "https://{host}/live.m3u8?X-Amz-Signature={secret}&x=1",
    "query of one letter": "http://{host}/cam.jpg?u={user}&p={secret}",
    "user and password in one": "rtsp://{host}/media/video1?login={user}:{secret}",
    "a URL in a URL": "http://{host}/api/stream.mp4?src=rtsp%3A%2F%2F{user}%3A{secret2}%4010.0.0.9%2F1",
    "a field in a URL in a URL": "http://{host}/proxy?src=rtsp%3A%2F%2F10.0.0.9%2Fuser%3D{user}_password%3D{secret2}",
    "encoded word": "rtsp://{host}/user={user}_p%61ssword%3D{secret}",
}
"""`{secret}` is the percent-encoded password, `{secret2}` the one that is encoded twice."""

TYPED = {name: form for name, form in PLACES.items() if "%" not in form}
"""Places where people also write a password as it is, without encoding it."""


def url(place: str, password: str, *, user: str = "admin", host: str = "10.0.0.7") -> str:
    """A URL with a percent-encoded password at a place."""
    secret = quote(password, safe="")
    return PLACES[place].format(user=user, host=host, secret=secret, secret2=quote(secret, safe=""))


def typed_url(place: str, password: str, *, user: str = "admin", host: str = "10.0.0.7") -> str:
    """A URL with a password at a place as its user typed it."""
    return TYPED[place].format(user=user, host=host, secret=password)


def forms(password: str) -> set[str]:
    """How a password may come back in a message."""
    once = quote(password, safe="")
    return {password, once, quote(once, safe=""), quote(password), repr(password)[1:-1], ascii(password)[1:-1]}
