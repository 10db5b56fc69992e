"""The receiver as an application of aiohttp.web."""

from aiohttp import web

from cometrunway._callbacks._asgi import Status


def application(status: Status) -> web.Application:
    """Return an application that answers every path below it."""

    async def respond(request: web.Request) -> web.Response:
        try:
            code = await status(request.method, request.path, request.content.iter_any())
        except web.RequestPayloadError:  # it is not in the encoding that it states
            code = 400
        response = web.Response(status=code, headers={"Allow": "POST"} if code == 405 else None)
        if code != 200:
            response.force_close()  # the rest of the body is not waited for
        return response

    made = web.Application()
    made.router.add_route("*", "/{path:.*}", respond)
    return made
