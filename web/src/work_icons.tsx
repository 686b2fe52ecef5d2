// Icons of what was made, of jobs, and of what can be created.
import { icon } from "./icons";

export const WallIcon = icon(
  <>
    <rect x="4" y="4" width="7" height="9" rx="1.5" />
    <rect x="13" y="4" width="7" height="5" rx="1.5" />
    <rect x="13" y="11" width="7" height="9" rx="1.5" />
    <rect x="4" y="15" width="7" height="5" rx="1.5" />
  </>,
);
export const TrayIcon = icon(
  <path d="M4 13.5 6.5 6h11l2.5 7.500V18a1.5 1.5 0 0 1-1.5 1.500h-13A1.5 1.5 0 0 1 4 18v-4.500Zm0 0h4.500l1.5 2.500h4l1.5-2.500H20" />,
);
export const CreateIcon = icon(
  <path d="M12 3.5 13.7 9 19 10.7 13.7 12.5 12 18l-1.7-5.500L5 10.7 10.3 9 12 3.500ZM18.5 16v4m-2-2h4" />,
);
export const PauseIcon = icon(<path d="M8.5 6v12m7-12v12" />);
export const PlayIcon = icon(<path d="M8 5.500v13l10.5-6.500L8 5.500Z" />);
export const StopIcon = icon(<rect x="6.5" y="6.5" width="11" height="11" rx="1.5" />);
export const AgainIcon = icon(<path d="M19.5 5v4.500H15M19 9.500A7.5 7.5 0 1 0 19.5 14" />);
export const VaryIcon = icon(
  <>
    <rect x="4" y="8" width="12" height="12" rx="2" />
    <path d="M8 4.500h10.500a1.5 1.5 0 0 1 1.5 1.500v10" />
  </>,
);
export const ColumnsIcon = icon(
  <>
    <rect x="3.5" y="5" width="7.5" height="14" rx="1.5" />
    <rect x="13" y="5" width="7.5" height="14" rx="1.5" />
  </>,
);
export const TextureIcon = icon(
  <>
    <rect x="4" y="4" width="16" height="16" rx="2" />
    <path d="M12 4v16M4 12h16M7 9c1-2 2-2 2.5 0M15 9c1-2 2-2 2.5 0M7 17c1-2 2-2 2.5 0M15 17c1-2 2-2 2.5 0" />
  </>,
);
export const SeriesIcon = icon(
  <>
    <rect x="3.5" y="9" width="13" height="11" rx="1.5" />
    <path d="M6.5 6.500h11.500a1.5 1.5 0 0 1 1.5 1.500v8.500M9.5 4h10a1.5 1.5 0 0 1 1.5 1.500v8" />
  </>,
);
export const BellIcon = icon(<path d="M6 16.500V11a6 6 0 0 1 12 0v5.500l1.5 1.500h-15L6 16.500Zm4 4h4" />);
export const MenuIcon = icon(<path d="M4 7h16M4 12h16M4 17h16" />);
export const BackIcon = icon(<path d="m14.5 6-6 6 6 6" />);
