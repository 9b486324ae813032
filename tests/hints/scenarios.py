"""All scenarios."""

from __future__ import annotations

from beginning import CLONING, INIT, SAVING
from corrected import CORRECTED
from deploying import APPLYING, EXAMINING, SERVING
from drifting import DRIFTING
from elsewhere import AIRGAP, CUT_OFF, RECEIVING
from examined import EXAMINED
from fleeting import FLEETING
from going_on import CHECKING, UNDOING, UPGRADES
from imaging import IMAGING
from installed import INSTALLED
from judged import JUDGED
from meanwhile import MEANWHILE
from mirrored import MIRRORED
from otherwise import OTHERWISE
from recording import RECORDS
from reporting import REPORTING
from resolving_once import RESOLVING
from scenario import Scenario
from together import TOGETHER

SCENARIOS: dict[str, Scenario] = {
    **CLONING,
    **INIT,
    **SAVING,
    **TOGETHER,
    **RECORDS,
    **UPGRADES,
    **UNDOING,
    **CHECKING,
    **APPLYING,
    **DRIFTING,
    **IMAGING,
    **REPORTING,
    **EXAMINING,
    **EXAMINED,
    **SERVING,
    **AIRGAP,
    **MIRRORED,
    **FLEETING,
    **RESOLVING,
    **RECEIVING,
    **JUDGED,
    **CUT_OFF,
    **MEANWHILE,
    **OTHERWISE,
    **CORRECTED,
    **INSTALLED,
}
