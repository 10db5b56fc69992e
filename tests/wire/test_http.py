"""Requests and answers as values."""

from cometrunway._wire._http import HttpRequest, HttpResponse


def test_no_body_and_no_header_is_shown() -> None:
    """They have prompts, files, signatures and cookies; a log that shows the value has none of them."""
    request = HttpRequest(method="POST", path="/v1/tasks", body=b"a prompt")
    response = HttpResponse(status=200, headers={"set-cookie": "secret"}, body=b"an answer")
    assert repr(request) == "HttpRequest(method='POST', path='/v1/tasks')"
    assert repr(response) == "HttpResponse(status=200, url='')"
