"""Each kind of bundle runs in a clean environment made from its lock, without aca_notebook in it.

In the kernel's own environment everything seems importable, so nothing less would show a package that was forgotten.
"""

from __future__ import annotations

import subprocess

import pytest

from aca_notebook.runner import tables
from tests.fakes.notebook import Notebook
from tests.packaging.served import Served, bundled, environment_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]


@pytest.fixture
def serve(tmp_path):
    """Return a function that bundles a capture and serves it; the process ends with the test."""
    running = []

    def start(captured, *, pip=(), **variables):
        place = bundled(captured, tmp_path, pip=pip)
        served = Served(environment_of(place, tmp_path), place, **variables)
        running.append(served)
        return served

    yield start
    for served in running:
        served.__exit__()


def test_a_function_answers_without_our_package_being_installed(serve):
    served = serve(
        Notebook("import math\nSCALE = 2.0").deploy("def score(x: float) -> float: return SCALE * math.sqrt(x)")
    )
    served.event("ready")

    python = served.process.args[0]
    installed = subprocess.run(
        [python, "-c", "import aca_notebook"], capture_output=True, text=True, check=False, cwd="/"
    )

    assert served.call("/score", {"x": 9.0}).json == 6.0
    assert served.call("/", {"x": 4.0}).json == 4.0
    assert "ModuleNotFoundError" in installed.stderr


def test_a_class_loads_once_and_serves_its_methods(serve):
    served = serve(
        Notebook("import aca_notebook.runner.standin as aca").deploy(
            """
            @aca.cls
            class Model:
                loaded = 0
                @aca.enter
                def load(self):
                    Model.loaded += 1
                    self.k = 3
                @aca.enter
                async def later(self): self.ready = True
                @aca.method
                def predict(self, rows: list[float]) -> list[float]: return [self.k * row for row in rows]
                @aca.method
                def state(self) -> dict: return {"loaded": Model.loaded, "ready": self.ready}
            """
        )
    )
    served.event("ready")

    assert served.call("/Model/predict", {"rows": [1, 2]}).json == [3.0, 6.0]
    assert served.call("/", {"rows": [1]}).json == [3.0]
    assert served.call("/Model/state", {}).json == {"loaded": 1, "ready": True}


def test_an_estimator_predicts_as_it_did_in_the_notebook(serve):
    notebook = Notebook(
        """
        import numpy as np
        from sklearn.linear_model import LinearRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, StandardScaler
        def widen(x): return np.hstack([x, np.square(x)])
        model = make_pipeline(FunctionTransformer(widen), StandardScaler(), LinearRegression())
        model.fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 4.0, 9.0])
        """
    )
    served = serve(notebook.deploy("def predict(rows: list[list[float]]): return model.predict(rows)"))
    served.event("ready")

    answer = served.call("/predict", {"rows": [[4.0]]})

    assert answer.json == pytest.approx(notebook.namespace["model"].predict([[4.0]]).tolist())


def test_a_frame_goes_in_and_out_with_its_index_and_types(serve):
    notebook = Notebook("import pandas as pd\nRATES = pd.DataFrame({'rate': [1.5]}, index=['eur'])")
    served = serve(
        notebook.deploy(
            "def convert(sales: pd.DataFrame) -> pd.DataFrame:\n"
            "    return sales.assign(usd=(sales.eur * RATES.rate['eur']).astype('float32'))"
        )
    )
    served.event("ready")
    pd = notebook.namespace["pd"]
    sales = pd.DataFrame({"eur": [2.0, 4.0]}, index=pd.Index(["a", "b"], name="shop"))

    answer = served.call(
        "/convert", tables.write_frame(sales), Content_Type=tables.ARROW, Accept=f"{tables.ARROW}, application/json"
    )

    assert answer.headers["content-type"] == tables.ARROW
    result = tables.read_frame(answer.body)
    assert result.usd.dtype == "float32"
    assert result.usd.to_dict() == {"a": 3.0, "b": 6.0}
    assert result.index.name == "shop"
    assert served.call("/convert", {"sales": [{"eur": 2.0}]}).json == [{"eur": 2.0, "usd": 3.0}]


def test_an_array_goes_in_and_out_as_it_is(serve):
    notebook = Notebook("import numpy as np\nWEIGHTS = np.array([[1, 0], [0, 2]], dtype='int16')")
    served = serve(notebook.deploy("def apply(x: np.ndarray) -> np.ndarray: return (x @ WEIGHTS).astype('float32')"))
    served.event("ready")
    np = notebook.namespace["np"]

    answer = served.call("/apply", tables.write_array(np.array([[3, 4]])), Content_Type=tables.NPY, Accept=tables.NPY)

    result = tables.read_array(answer.body)
    assert (result.dtype, result.tolist()) == ("float32", [[3.0, 8.0]])
    assert served.call("/apply", {"x": [[1, 1]]}).json == [[1.0, 2.0]]


def test_a_fastapi_application_is_passed_through_behind_the_key(serve):
    served = serve(
        Notebook("from contextlib import asynccontextmanager\nimport fastapi").deploy(
            """
            STARTED = []

            @asynccontextmanager
            async def lifespan(app):
                STARTED.append(True)
                yield

            app = fastapi.FastAPI(title="mine", lifespan=lifespan)

            @app.get("/items/{number}")
            def _item(number: int): return {"number": number, "started": STARTED}

            @app.post("/total")
            def total(numbers: list[int]): return sum(numbers)

            @app.websocket("/echo")
            async def _echo(socket: fastapi.WebSocket):
                await socket.accept()
                await socket.send_text(await socket.receive_text())
            """
        )
    )
    served.event("ready")

    assert served.call("/items/3", method="GET").json == {"number": 3, "started": [True]}
    assert served.call("/total", [1, 2, 3]).json == 6, "the route is the application's, not a function of ours"
    assert served.call("/openapi.json", method="GET").json["info"]["title"] == "mine"
    assert served.call("/items/3", method="GET", key="").status == 401
    assert served.call("/_aca/health/ready", method="GET", key="").status == 200
    assert served.event("call")["function"] == "items/3"


def test_the_projects_own_modules_come_along(serve, tmp_path, monkeypatch):
    (tmp_path / "project" / "features").mkdir(parents=True)
    (tmp_path / "project" / "features" / "__init__.py").write_text("from features.scale import twice\n")
    (tmp_path / "project" / "features" / "scale.py").write_text("def twice(x): return 2 * x\n")
    monkeypatch.syspath_prepend(str(tmp_path / "project"))

    served = serve(Notebook("from features import twice").deploy("def f(x: int): return twice(x)"))
    served.event("ready")

    assert served.call("/f", {"x": 4}).json == 8
