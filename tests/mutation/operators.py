"""The changes that are tried: each makes one mutant of a module's source."""

import ast
from collections.abc import Iterator

from attrs import frozen

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_NEGATED_EXACTLY = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_ABOUT_TYPES = {"cast", "TypeVar", "ParamSpec", "NewType", "isinstance", "issubclass"}
_TEXT = "XX"


@frozen
class Mutant:
    """One change of a module's source.

    Args:
        line: the number of the line where the changed code begins.
        statement: the first and the last line of its statement, or of the statement's head.
        is_inside: whether the code is in a function; otherwise it runs when the module is imported.
        start, end: the bytes that are replaced, as offsets.
        operator: the kind of the change.
        before, after: the replaced code, and what replaces it.
    """

    line: int
    statement: tuple[int, int]
    is_inside: bool
    start: int
    end: int
    operator: str
    before: str
    after: str

    def apply(self, source: str) -> str:
        """Return the source of the module with the change."""
        encoded = source.encode()
        return (encoded[: self.start] + self.after.encode() + encoded[self.end :]).decode()


def mutants(source: str) -> list[Mutant]:
    """Return all mutants of a module, in the order of their lines."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    different = {(mutant.start, mutant.end, mutant.after): mutant for mutant in reversed(finder.found)}
    return sorted(different.values(), key=lambda mutant: (mutant.line, mutant.start, mutant.end, mutant.after))


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str) -> None:
        self.found: list[Mutant] = []
        self._source = source.encode()
        lengths = [len(line) for line in self._source.splitlines(keepends=True)]
        self._starts = [sum(lengths[:number]) for number in range(len(lengths))]
        self._statement = (1, 1)
        self._depth = 0

    def visit(self, node: ast.AST) -> None:
        """Find the mutants of a node and of what it contains."""
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            outer, self._statement = self._statement, (node.lineno, last)
            super().visit(node)
            self._statement = outer
        else:
            super().visit(node)

    def _replace(self, node: ast.expr | ast.stmt | ast.excepthandler, operator: str, after: str) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        before = self._source[start:end].decode()
        is_inside = self._depth > 0
        self.found.append(Mutant(node.lineno, self._statement, is_inside, start, end, operator, before, after))

    def _put(self, node: ast.expr, operator: str, new: ast.expr) -> None:
        self._replace(node, operator, f"({ast.unparse(new)})")

    # Statements

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list):
            return
        for part in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(part)
        self._depth += 1
        for statement in node.body:
            self.visit(statement)
        self._depth -= 1

    visit_FunctionDef = _function  # noqa: N815 - the name that ast asks for
    visit_AsyncFunctionDef = _function  # noqa: N815 - as above

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A lambda that returns None."""
        self._depth += 1
        if not _is_none(node.body):
            self._replace(node.body, "return value", "None")
        self.visit(node.body)
        self._depth -= 1

    def visit_If(self, node: ast.If) -> None:
        """A condition that is negated; blocks for type checkers do not run."""
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self._condition(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        """A condition that is negated."""
        if not isinstance(node.test, ast.Constant):
            self._condition(node.test)
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        """Nothing: assertions are for type checkers."""

    def visit_Import(self, node: ast.Import) -> None:
        """Nothing."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Nothing."""

    def visit_Expr(self, node: ast.Expr) -> None:
        """A statement that is left out."""
        if isinstance(node.value, ast.Constant):
            return
        self._leave_out(node)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """An error that is not raised."""
        self._leave_out(node)
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        """A statement that is left out."""
        self._leave_out(node)

    def visit_Break(self, node: ast.Break) -> None:
        """A loop that goes on."""
        self._leave_out(node)
        self._replace(node, "break or continue", "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        """A loop that ends."""
        self._leave_out(node)
        self._replace(node, "break or continue", "break")

    def visit_Return(self, node: ast.Return) -> None:
        """A function that returns None, or goes on."""
        if node.value is None:
            self._leave_out(node)
        elif not _is_none(node.value):
            self._replace(node.value, "return value", "None")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """A value that is changed otherwise, replaced, or not at all."""
        self._leave_out(node)
        target, value = ast.unparse(node.target), ast.unparse(node.value)
        self._replace(node, "assignment", f"{target} = {value}")
        if type(node.op) in _ARITHMETIC:
            other = ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value)
            self._replace(node, "arithmetic", ast.unparse(other))
        self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        """A variable that is None."""
        if _is_type(node.value):
            return
        self._assigned(node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """A variable that is None; the annotation stays."""
        if node.value is not None:
            self._assigned(node.value)
            self.visit(node.value)

    def _assigned(self, value: ast.expr) -> None:
        if self._depth and not _is_none(value):
            self._replace(value, "assignment", "None")

    def _leave_out(self, node: ast.stmt) -> None:
        self._replace(node, "statement left out", "pass")

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """An exception that is not caught."""
        if isinstance(node.type, ast.Tuple) and len(node.type.elts) > 1:
            for left_out in node.type.elts:
                others = [error for error in node.type.elts if error is not left_out]
                self._put(node.type, "exception not caught", ast.Tuple(others, ast.Load()))
        for statement in node.body:
            self.visit(statement)

    # Expressions

    def _condition(self, test: ast.expr) -> None:
        is_exact = isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], _NEGATED_EXACTLY)
        is_negation = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        if not is_exact and not is_negation:
            self._put(test, "condition", ast.UnaryOp(ast.Not(), test))

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """A condition that is negated."""
        self._condition(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """A condition that is negated."""
        for test in node.ifs:
            self._condition(test)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """A comparison by another operator: the limit counts otherwise, or the opposite is asked."""
        for number, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                operators = [*node.ops[:number], other(), *node.ops[number + 1 :]]
                self._put(node, "comparison", ast.Compare(node.left, operators, node.comparators))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """`and` for `or`, and the reverse."""
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._put(node, "boolean", ast.BoolOp(other, node.values))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """A value without its `not` or its minus."""
        self._put(node, "boolean" if isinstance(node.op, ast.Not) else "arithmetic", node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Another arithmetic operator; texts are only joined."""
        is_text = any(isinstance(side, ast.JoinedStr) or _is_text(side) for side in (node.left, node.right))
        if _is_type(node):
            return
        if not is_text and type(node.op) in _ARITHMETIC:
            self._put(node, "arithmetic", ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """What a subscript contains, unless it is a type."""
        if not _is_type(node):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Another constant: off by one, the other truth, another text."""
        value = node.value
        if isinstance(value, bool):
            self._replace(node, "constant", str(not value))
        elif isinstance(value, int | float):
            self._replace(node, "constant", f"({value + 1!r})")
            self._replace(node, "constant", f"({value - 1!r})")
        elif isinstance(value, str):
            self._replace(node, "constant", repr(f"{_TEXT}{value}{_TEXT}"))
        elif isinstance(value, bytes):
            self._replace(node, "constant", repr(_TEXT.encode() + value + _TEXT.encode()))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Another text; what is inside has no position of its own before Python 3.12."""
        self._replace(node, "constant", repr(_TEXT))

    def visit_Call(self, node: ast.Call) -> None:
        """Arguments that are None, exchanged or left out, and the opposite function."""
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in _ABOUT_TYPES:
            self.generic_visit(node) if name.startswith("is") else None
            return
        if isinstance(node.func, ast.Name) and name in _OPPOSITES:
            self._replace(node.func, "opposite function", _OPPOSITES[name])
        for changed, operator, line in _other_arguments(node, is_suppressing=name == "suppress"):
            self._put(node, operator, changed)
            self.found[-1] = _at(self.found[-1], line)
        self.generic_visit(node)


def _at(mutant: Mutant, line: int) -> Mutant:
    values = {name: getattr(mutant, name) for name in Mutant.__annotations__}
    return Mutant(**{**values, "line": line})


def _other_arguments(node: ast.Call, *, is_suppressing: bool) -> Iterator[tuple[ast.Call, str, int]]:
    """Yield calls with other arguments, the kind of the change, and the line of the argument."""
    positional = node.args
    for number, argument in enumerate(positional):
        before, after = positional[:number], positional[number + 1 :]
        if is_suppressing:
            yield ast.Call(node.func, [*before, *after], node.keywords), "exception not caught", argument.lineno
        elif not isinstance(argument, ast.Starred) and not _is_none(argument):
            none = ast.Constant(None)
            yield ast.Call(node.func, [*before, none, *after], node.keywords), "argument", argument.lineno
        if after and not is_suppressing and not isinstance(argument, ast.Starred | ast.GeneratorExp):
            exchanged = [*before, after[0], argument, *after[1:]]
            yield ast.Call(node.func, exchanged, node.keywords), "arguments exchanged", argument.lineno
    for keyword in node.keywords:
        if keyword.arg is not None:
            others = [other for other in node.keywords if other is not keyword]
            yield ast.Call(node.func, positional, others), "keyword left out", keyword.value.lineno


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _is_type(node: ast.expr) -> bool:
    """Whether an expression looks like a type: `Callable[...]`, `Mapping[...] | None`."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and _is_type(node.left)
    if isinstance(node, ast.Subscript):
        return _is_type(node.value) or (isinstance(node.value, ast.Name) and node.value.id in {"dict", "list", "set"})
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name[:1].isupper() and not name.isupper()
