// Icons on a grid of 24, drawn with one line; they take the color of the text around them.
import type { ComponentChildren, FunctionComponent } from "preact";

export type Icon = FunctionComponent<{ size?: number }>;

export function icon(children: ComponentChildren): Icon {
  return ({ size = 20 }) => (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

const EYE = <path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z" />;
export const EyeIcon = icon(
  <>
    {EYE}
    <circle cx="12" cy="12" r="2.8" />
  </>,
);
export const EyeOffIcon = icon(
  <>
    {EYE}
    <path d="m4 20 16-16" />
  </>,
);
export const OpenIcon = icon(
  <path d="M4 7.5V18a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-5M4 16l4.5-4.5 4 4 2.5-2.5 5 5M17 10V3m-3 3 3-3 3 3" />,
);
export const CameraIcon = icon(
  <>
    <path d="M4 8.5a2 2 0 0 1 2-2h2l1.5-2h5l1.5 2h2a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2Z" />
    <circle cx="12" cy="12.5" r="3.5" />
  </>,
);
export const UndoIcon = icon(<path d="M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3" />);
export const RedoIcon = icon(<path d="m16 5 4 4-4 4m4-4H10a6 6 0 0 0 0 12h3" />);
export const CompareIcon = icon(
  <>
    <rect x="3.5" y="5" width="17" height="14" rx="2" />
    <path d="M12 2.5v19" />
    <path d="M12 5h6.5a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H12Z" fill="currentColor" fill-opacity="0.45" stroke="none" />
  </>,
);
export const ZoomInIcon = icon(
  <>
    <circle cx="11" cy="11" r="7" />
    <path d="m20 20-4-4M8 11h6m-3-3v6" />
  </>,
);
export const ZoomOutIcon = icon(
  <>
    <circle cx="11" cy="11" r="7" />
    <path d="m20 20-4-4M8 11h6" />
  </>,
);
export const FitIcon = icon(
  <path d="M4 9V5a1 1 0 0 1 1-1h4m6 0h4a1 1 0 0 1 1 1v4m0 6v4a1 1 0 0 1-1 1h-4m-6 0H5a1 1 0 0 1-1-1v-4" />,
);
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4" />
  </>,
);
export const MoonIcon = icon(<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z" />);
export const HelpIcon = icon(
  <>
    <circle cx="12" cy="12" r="9" />
    <path d="M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M12 16.8v.1" />
  </>,
);
export const SaveIcon = icon(<path d="M12 4v11m-4-4 4 4 4-4M4 17v2a1.5 1.5 0 0 0 1.5 1.5h13A1.5 1.5 0 0 0 20 19v-2" />);
export const ChevronIcon = icon(<path d="m6 9.5 6 6 6-6" />);
export const CloseIcon = icon(<path d="m6 6 12 12M18 6 6 18" />);
export const SearchIcon = icon(
  <>
    <circle cx="11" cy="11" r="6.5" />
    <path d="m20 20-4.3-4.3" />
  </>,
);
export const HeartIcon = icon(
  <path d="M12 20C5 15.5 3.5 12 3.5 9.2A4.6 4.6 0 0 1 12 6.7a4.6 4.6 0 0 1 8.5 2.5C20.5 12 19 15.5 12 20Z" />,
);
export const HeartFullIcon: Icon = ({ size = 20 }) => (
  <svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
    <path d="M12 20C5 15.5 3.5 12 3.5 9.2A4.6 4.6 0 0 1 12 6.7a4.6 4.6 0 0 1 8.5 2.5c0 2.8-1.5 6.3-8.5 10.8Z" />
  </svg>
);
export const BlendIcon = icon(<><circle cx="9" cy="12" r="5.5" /><circle cx="15" cy="12" r="5.5" /></>);
export const RegionsIcon = icon(<><rect x="4" y="4" width="16" height="16" rx="3" /><path d="M4 15.5c4-5 7.5-.5 10-4s3-5 6-5.5" /></>);
export const FaceIcon = icon(<><circle cx="12" cy="12" r="8.5" /><path d="M9 10v.5m6-.5v.5M8.5 14.5c2 2.3 5 2.3 7 0" /></>);
export const EraserIcon = icon(<path d="m5 14.5 8.5-8.5a1.8 1.8 0 0 1 2.5 0l3 3a1.8 1.8 0 0 1 0 2.5L11.5 19H8.5l-3.5-3.5a.7.7 0 0 1 0-1ZM10 9.5l5.5 5.5M11.5 19H20" />);
export const WandIcon = icon(<path d="m5 19 9-9m2.5-6v3m-1.5-1.5h3M20 10v2m-1-1h2M11 4v2m-1-1h2M12 8l4 4" />);
export const FillIcon = icon(<path d="m11 4-6.5 6.5a1.400 1.400 0 0 0 0 2l5 5a1.400 1.400 0 0 0 2 0L18 11l-7-7ZM5 12h12m3 3.5c1 1.5 1.5 2.3 1.5 3a1.5 1.5 0 0 1-3 0c0-.7.5-1.5 1.5-3Z" />);
export const InvertIcon = icon(<><circle cx="12" cy="12" r="8" /><path d="M12 4v16M12 8h3.5M12 12h5M12 16h3.5" /></>);
export const AddIcon = icon(<path d="M12 5v14M5 12h14" />);
export const SlidersIcon = icon(<path d="M4 7h9m6 0h1M4 17h1m6 0h9M16 4.5v5M8 14.5v5" />);
export const BrushIcon = icon(
  <path d="M20 4c-5 2.5-8.5 6-10.5 9.5l2 2C15 13.5 18 9.5 20 4ZM9 14.5c-2 0-3.5 1.5-3.5 3 0 1-.5 1.8-1.5 2.5 3.5.5 6.5-.5 7-3.5" />,
);
export const PhotoIcon = icon(
  <>
    <rect x="3.5" y="5" width="17" height="14" rx="2" />
    <circle cx="9" cy="10" r="1.7" />
    <path d="m4 17 5-4 3.5 3 3-2.5 5 4" />
  </>,
);
export const AlertIcon = icon(<path d="M12 4 3 19.5h18L12 4Zm0 6v4.5m0 2.5v.1" />);
export const CheckIcon = icon(<path d="m5 12.5 4.5 4.5L19 7" />);
export const OfflineIcon = icon(
  <path d="M3 4l18 16M8.5 14.5a5 5 0 0 1 6 0M5.5 11a9.5 9.5 0 0 1 4-2.2m4.5-.1a9.5 9.5 0 0 1 4.5 2.3M12 18.5v.1" />,
);
export const TrashIcon = icon(
  <path d="M5 7h14M10 4h4M7 7l1 12a1.5 1.5 0 0 0 1.5 1.3h5A1.5 1.5 0 0 0 16 19l1-12M10.5 11v5.5m3-5.5v5.5" />,
);
export const ResetIcon = icon(<path d="M4.5 5v4.5H9M5 9.5A7.5 7.5 0 1 1 4.5 14" />);
export const FilmIcon = icon(
  <>
    <rect x="3.5" y="5" width="17" height="14" rx="2" />
    <path d="M8 5v14m8-14v14M3.5 9.5H8m-4.5 5H8m8-5h4.5m-4.5 5h4.5" />
  </>,
);
export const PlayIcon = icon(<path d="M8 5.5v13l10.5-6.5L8 5.5Z" />);
export const StopIcon = icon(<rect x="6.5" y="6.5" width="11" height="11" rx="1.5" />);
export const KeyframeIcon = icon(<path d="M12 4.5 19.5 12 12 19.5 4.5 12 12 4.5Z" />);
export const DiceIcon = icon(
  <>
    <rect x="4" y="4" width="16" height="16" rx="3" />
    <path d="M9 9v.1M15 9v.1M9 15v.1M15 15v.1M12 12v.1" />
  </>,
);
export const MenuIcon = icon(<path d="M5 7h14M5 12h14M5 17h14" />);
export const LanguageIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M3.5 12h17M12 3.5c2.5 2.5 3.5 5.3 3.5 8.5s-1 6-3.5 8.5c-2.5-2.5-3.5-5.3-3.5-8.5s1-6 3.5-8.5Z" />
  </>,
);
export const LeaveIcon = icon(<path d="M10 4.5H6A1.5 1.5 0 0 0 4.5 6v12A1.5 1.5 0 0 0 6 19.5h4M15 8l4 4-4 4M9 12h10" />);
