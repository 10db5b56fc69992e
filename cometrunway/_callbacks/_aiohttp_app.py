"""The receiver as an application of aiohttp.web."""

from aiohttp import web

from cometrunway._callbacks._asgi import Status


def application(status: Status) -> web.Application:
    """Return an application that answers every path below it."""

    async def respond(request: web.Request) -> web.Response:
        try:
            code = await status(request.method, request.path, request.content.iter_any())
        except web.RequestPayloadError:  # the body does not have its stated encoding
            code = 400
        response = web.Response(status=code, headers={"Allow": "POST"} if code == 405 else None)
        if code != 200:
            response.force_close()  # do not wait for the rest of the body
        return response

    made = web.Application()
    made.router.add_route("*", "/{path:.*}", respond)
    return made
