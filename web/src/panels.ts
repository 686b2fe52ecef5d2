// The panels of the page. To add one, write a file with one component and put a line into PANELS; nothing else changes.
//
//   { id: "faces", slot: "controls", title: "faces.title", icon: FaceIcon, component: FacesPanel, layer: FacesLayer }
//
// Slots:
//   "controls"  a section of the card at the right, below the main controls, that folds open: blend, faces, masks.
//   "overlay"   a button in the top bar that opens a window over the page: the wall of what was made, the tray of jobs.
//   "strip"     a tab beside the styles in the strip at the bottom: a timeline of a film.
// `layer`, if given, lies over the picture while its panel is open, with the size of the picture: it receives the
// pointer instead of pan and zoom, and its children can be placed in percent of the picture.
// `drawer` makes an overlay a card at the edge, beside which the page can be used.
// `badge`, if given, is shown on an overlay's button: a count, or "" for none.
//
// A panel reads signals of state.ts, changes the recipe with `change` of actions.ts (undo and redo come with it), and
// speaks to the studio through api.ts. What it needs of the recipe is added to `Recipe` and `DEFAULTS` in state.ts and
// to `asked` in develop.ts. Its words are keys of texts/en.json and texts/de.json, its CSS a file of its own.
import type { FunctionComponent } from "preact";
import { BlendPanel } from "./blend_panel";
import { Create } from "./create";
import { FacesLayer, FacesPanel } from "./faces_panel";
import { BlendIcon, FaceIcon, RegionsIcon } from "./icons";
import type { Icon } from "./icons";
import { MasksLayer, MasksPanel } from "./masks_panel";
import { active } from "./queue";
import type { TextKey } from "./texts";
import { Tray } from "./tray";
import { Wall } from "./wall_panel";
import { CreateIcon, TrayIcon, WallIcon } from "./work_icons";

export interface Panel {
  readonly id: string;
  readonly slot: "controls" | "overlay" | "strip";
  readonly title: TextKey;
  readonly icon: Icon;
  readonly component: FunctionComponent;
  readonly layer?: FunctionComponent;
  readonly badge?: () => string;
  readonly drawer?: boolean;
  readonly needsPhoto?: boolean; // disabled until there is one
}

export const PANELS: readonly Panel[] = [
  { id: "blend", slot: "controls", title: "blend.title", icon: BlendIcon, component: BlendPanel },
  { id: "masks", slot: "controls", title: "masks.title", icon: RegionsIcon, component: MasksPanel, layer: MasksLayer },
  { id: "faces", slot: "controls", title: "faces.title", icon: FaceIcon, component: FacesPanel, layer: FacesLayer },
  { id: "create", slot: "overlay", title: "create", icon: CreateIcon, component: Create },
  { id: "wall", slot: "overlay", title: "wall", icon: WallIcon, component: Wall },
  { id: "tray", slot: "overlay", drawer: true, title: "tray", icon: TrayIcon, component: Tray, badge: () => String(active.value.length || "") },
];

/** The panels of a slot, in the order of the list. */
export const panelsOf = (slot: Panel["slot"]): readonly Panel[] => PANELS.filter((panel) => panel.slot === slot);
