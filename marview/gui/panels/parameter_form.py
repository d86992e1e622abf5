"""A form built from the JSON schema of a method's parameters."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from marview.gui.label import tooltip
from marview.gui.panels.section import labelled, set_up
from marview.mar.parameter_schema import field_kind, item_type, resolved
from marview.text import tr

FIELD_WIDTH = 128
LARGEST_INTEGER = 2**31 - 1
"""Upper limit of Qt's integer fields; a parameter may allow larger values."""

LARGE = 1_000_000


class ParameterForm(QWidget):
    """Form with one field per parameter; it calls `changed(name, value)` when the user changes a value."""

    def __init__(self, changed: Callable[[str, Any], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._changed = changed
        self.fields: dict[str, QWidget] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(7)

    def show_schema(self, schema: Mapping[str, Any], values: Mapping[str, Any], *, with_advanced: bool) -> None:
        """Rebuild the fields; `values` contains the values that differ from their defaults."""
        self.clear()
        for name, rule in schema.get("properties", {}).items():
            rule = resolved(rule, schema)
            if rule.get("advanced") and not with_advanced:
                continue
            field = self._field(name, rule, values.get(name, rule.get("default")))
            if field is None:
                continue
            title = tr(str(rule.get("title", name)))
            field.setToolTip(tooltip(tr(str(rule.get("description", "")))))
            field.setAccessibleName(title)
            self.fields[name] = field
            if isinstance(field, QCheckBox):
                field.setText(title)
                self._column.addWidget(field)
            else:
                field.setFixedWidth(FIELD_WIDTH)
                self._column.addLayout(labelled(title, field))

    def clear(self) -> None:
        """Remove every field."""
        self.fields.clear()
        while (item := self._column.takeAt(0)) is not None:
            widgets, row = [item.widget()], item.layout()
            while row is not None and (inner := row.takeAt(0)) is not None:
                widgets.append(inner.widget())
            for widget in widgets:
                if widget is not None:
                    widget.hide()
                    widget.deleteLater()

    def _field(self, name: str, rule: Mapping[str, Any], value: Any) -> QWidget | None:
        """Return the widget of one parameter; None for types that only the command line can set."""
        kind = field_kind(rule)
        if kind == "choice":
            return self._choice(name, rule, value)
        if kind == "boolean":
            box = QCheckBox()
            box.setChecked(bool(value))
            box.toggled.connect(lambda is_on: self._changed(name, bool(is_on)))
            return box
        if kind == "integer":
            whole = QSpinBox()
            whole.setRange(max(-LARGEST_INTEGER, int(_low(rule))), min(LARGEST_INTEGER, int(_high(rule))))
            whole.setSingleStep(int(rule.get("step", 1)))
            whole.setValue(min(LARGEST_INTEGER, int(value or 0)))
            whole.setSuffix(_suffix(rule))
            set_up(whole, FIELD_WIDTH)
            whole.valueChanged.connect(lambda number: self._changed(name, int(number)))
            return whole
        if kind == "number":
            return self._number(name, rule, float(value or 0.0))
        if kind == "string":
            line = QLineEdit(str(value or ""))
            line.editingFinished.connect(lambda: self._changed(name, line.text()))
            return line
        if kind == "list":
            return self._list(name, rule, list(value or ()))
        return None

    def _list(self, name: str, rule: Mapping[str, Any], items: list[Any]) -> QLineEdit:
        """Return a field for items separated by commas; it restores the last list if an item is not a number."""
        read: type[int | float | str] = {"integer": int, "number": float}.get(item_type(rule), str)
        line = QLineEdit(_as_line(items))

        def finished() -> None:
            nonlocal items
            try:
                given = [read(item) for item in map(str.strip, line.text().split(",")) if item]
            except ValueError:
                given = items
            line.setText(_as_line(given))
            if given != items:
                items = given
                self._changed(name, given)

        line.editingFinished.connect(finished)
        return line

    def _choice(self, name: str, rule: Mapping[str, Any], value: Any) -> QComboBox:
        box = QComboBox()
        for option in rule["enum"]:
            box.addItem(tr(str(option).replace("_", " ")), option)
        box.setCurrentIndex(max(0, box.findData(value)))
        box.activated.connect(lambda at: self._changed(name, box.itemData(at)))
        return box

    def _number(self, name: str, rule: Mapping[str, Any], value: float) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        span = _high(rule) - _low(rule)
        step = float(rule.get("step", 0.01 if span <= 1 else 0.1 if span <= 20 else 1.0))
        box.setDecimals(max(1, len(f"{step:.6f}".rstrip("0").partition(".")[2]), _decimals(value)))
        box.setRange(_low(rule), _high(rule))
        box.setSingleStep(step)
        box.setValue(value)
        box.setSuffix(_suffix(rule))
        set_up(box, FIELD_WIDTH)
        box.valueChanged.connect(lambda number: self._changed(name, float(number)))
        return box


def _as_line(items: list[Any]) -> str:
    return ", ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in items)


def _low(rule: Mapping[str, Any]) -> float:
    return float(rule.get("minimum", rule.get("exclusiveMinimum", -LARGE)))


def _high(rule: Mapping[str, Any]) -> float:
    return float(rule.get("maximum", rule.get("exclusiveMaximum", LARGE)))


def _suffix(rule: Mapping[str, Any]) -> str:
    unit = str(rule.get("unit", ""))
    return f" {unit}" if unit else ""


def _decimals(value: float) -> int:
    return min(6, len(f"{value:.6f}".rstrip("0").partition(".")[2]))
