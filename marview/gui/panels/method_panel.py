"""The method panel: chooser, presets, purpose, parameters and device."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from marview.gui.label import Label, tooltip
from marview.gui.panels.parameter_form import ParameterForm
from marview.gui.panels.section import Section, labelled
from marview.mar import Listing
from marview.session.methods import Methods
from marview.session.run_presets import RunPreset, run_presets
from marview.session.speeds import Speeds
from marview.text import count, tr
from marview.time_left import in_words


class MethodPanel(Section):
    """Panel for choosing the method of the next run.

    Args:
        methods: installed methods and chosen parameters.
        speeds: run times of methods on this machine.
        use: function that applies a preset.
    """

    def __init__(
        self, methods: Methods, speeds: Speeds, use: Callable[[RunPreset], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("Method"), parent)
        self._methods = methods
        self._speeds = speeds
        self._use = use
        self.presets = QComboBox()
        self.presets.setAccessibleName(tr("Preset for an implant"))
        self.presets.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.presets.addItem(tr("Preset for an implant …"))
        for at, preset in enumerate(run_presets(), start=1):
            self.presets.addItem(tr(preset.title), preset)
            self.presets.setItemData(at, tooltip(tr(preset.why)), Qt.ItemDataRole.ToolTipRole)
        self.purpose = Label()
        self.purpose.setWordWrap(True)
        self.why = Label()
        self.why.setObjectName("muted")
        self.why.setWordWrap(True)
        self.why.hide()
        self.chooser = QComboBox()
        self.chooser.setAccessibleName(tr("Method"))
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.chooser.setMinimumContentsLength(18)
        self.about = Label()
        self.about.setObjectName("muted")
        self.about.setWordWrap(True)
        self.form = ParameterForm(self._set)
        self.no_parameters = Label(tr("This method has no parameters."))
        self.no_parameters.setObjectName("muted")
        self.advanced = QCheckBox(tr("Show advanced parameters"))
        self.restore = QCheckBox(tr("Restore clipped streaks"))
        self.restore.setToolTip(
            tooltip(
                tr(
                    "Estimate the HU of dark streaks that are clipped at the lowest value of the file, before the "
                    "method runs."
                )
            )
        )
        self.restore.setChecked(methods.restores_cut_off)
        self.device = QComboBox()
        self.device.setFixedWidth(128)
        self.broken = Label()
        self.broken.setObjectName("warning")
        self.broken.setWordWrap(True)
        settings = (self.form, self.no_parameters, self.advanced)
        for widget in (self.chooser, self.presets, self.why, self.purpose, self.about, *settings):
            self.body.addWidget(widget)
        self.body.addWidget(self.restore)
        self.body.addLayout(labelled(tr("Device"), self.device))
        self.body.addWidget(self.broken)
        self.chooser.activated.connect(lambda at: methods.choose(str(self.chooser.itemData(at))))
        self.advanced.toggled.connect(lambda _is_on: self._show_form())
        self.restore.toggled.connect(lambda _is_on: self._set_restore())
        self.device.activated.connect(self._set_device)
        self.presets.activated.connect(self._use_preset)
        methods.listed.connect(self._list)
        methods.chosen.connect(self._show)
        methods.described.connect(lambda _id: self._show_form())
        methods.found_devices.connect(self._list_devices)
        self._list()
        self._list_devices()

    def _list(self) -> None:
        with QSignalBlocker(self.chooser):
            self.chooser.clear()
            for listing in self._methods.usable:
                if listing.manifest is not None:
                    self.chooser.addItem(tr(listing.manifest.title), listing.id)
            self._list_unusable()
        broken = [listing for listing in self._methods.listings if listing.error]
        self.broken.setText("\n".join(listing.error for listing in broken[:3]))
        self.broken.setVisible(bool(broken))
        self._show()

    def _list_unusable(self) -> None:
        """List unusable methods, disabled, below the others; their tool tips say why and what to do."""
        model = self.chooser.model()
        assert isinstance(model, QStandardItemModel)
        for listing in self._methods.listings:
            if listing.is_usable:
                continue
            title = listing.id if listing.manifest is None else tr(listing.manifest.title)
            if listing.error:
                item = QStandardItem(tr("{} (cannot be used)").format(title))
            else:
                item = QStandardItem(tr("{} (not trained)").format(title))
                item.setData(listing.id, Qt.ItemDataRole.UserRole)
            item.setToolTip(tooltip(listing.error or listing.untrained))
            item.setEnabled(False)
            model.appendRow(item)

    def _show(self) -> None:
        current = self._methods.current
        with QSignalBlocker(self.chooser):
            self.chooser.setCurrentIndex(-1 if current is None else self.chooser.findData(current.id))
        self.about.setText(tr("No method is installed.") if current is None else _about(current))
        preset = self.presets.currentData()
        if preset is not None and (current is None or current.id != preset.method):
            self.presets.setCurrentIndex(0)
            self.why.hide()
        self.show_purpose()
        self.about.setToolTip("" if current is None else tooltip(f"{current.folder}\n{current.notice}".strip()))
        self._show_form()

    def show_purpose(self) -> None:
        """Show the purpose of the method and, if it has run on this machine, its time per slice."""
        current = self._methods.current
        manifest = None if current is None else current.manifest
        known = self._speeds.seconds_a_slice(current, self._methods.device)
        words = [_sentence(tr(manifest.purpose))] if manifest is not None and manifest.purpose else []
        if known is not None:
            seconds, runs = known
            a_slice = f"{seconds:.1f} s" if seconds < 10 else in_words(seconds)
            words.append(tr("About {} per slice on this machine ({}).").format(a_slice, count(runs, "run")))
        self.purpose.setText(" ".join(words))
        self.purpose.setVisible(bool(words))

    def _use_preset(self, at: int) -> None:
        preset = self.presets.itemData(at)
        self.why.setVisible(preset is not None)
        if preset is not None:
            self.why.setText(tr(preset.why))
            self._use(preset)

    def _show_form(self) -> None:
        current = self._methods.current
        schema = None if current is None else self._methods.schema(current.id)
        refusal = "" if current is None else self._methods.refusal(current.id)
        if current is None or schema is None:
            self.form.clear()
            self.advanced.hide()
            self.no_parameters.hide()
            if refusal:
                self.about.setText(refusal)
            return
        rules = [rule for rule in schema.get("properties", {}).values() if isinstance(rule, dict)]
        self.no_parameters.setVisible(not rules)
        self.advanced.setVisible(any(rule.get("advanced") for rule in rules))
        values = self._methods.values(current.id)
        self.form.show_schema(schema, values, with_advanced=self.advanced.isChecked())

    def _set(self, name: str, value: Any) -> None:
        if self._methods.current is not None:
            self._methods.set_value(self._methods.current.id, name, value)

    def _list_devices(self) -> None:
        with QSignalBlocker(self.device):
            self.device.clear()
            self.device.addItem(tr("Automatic"), "auto")
            self.device.addItem(tr("CPU"), "cpu")
            graphics = [str(one.get("title", "GPU")) for one in self._methods.devices if one.get("name") != "cpu"]
            if graphics:
                self.device.addItem(tr("GPU"), "cuda")
            self.device.setToolTip(tooltip("\n".join(str(one.get("title", "")) for one in self._methods.devices)))
            self.device.setCurrentIndex(max(0, self.device.findData(self._methods.device)))

    def _set_restore(self) -> None:
        self._methods.restores_cut_off = self.restore.isChecked()

    def _set_device(self, at: int) -> None:
        self._methods.device = str(self.device.itemData(at))
        self.show_purpose()


def _sentence(purpose: str) -> str:
    """End the purpose of a method with a full stop, because another sentence may follow."""
    return purpose if purpose.endswith((".", "!", "?", "。")) else f"{purpose}."


def _about(listing: Listing) -> str:
    manifest = listing.manifest
    if manifest is None:
        return listing.error
    parts = [f"{tr('Version')} {manifest.version}"]
    if manifest.citation is not None:
        parts.append(f"{manifest.citation.authors.split(',')[0]}, {manifest.citation.year}")
    if listing.replaces:
        parts.append(tr("{} (replaces: {})").format(tr(listing.origin), tr(listing.replaces[0].origin)))
    elif listing.origin != "bundled":
        parts.append(tr(listing.origin))
    return " · ".join(parts)
