// A card at the edge that leaves the picture in sight and usable.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { CloseIcon } from "./icons";
import { t } from "./texts";
import { IconButton } from "./widgets";

export function Drawer({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const ref = useRef<HTMLElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <aside
      ref={ref}
      class="drawer card"
      aria-labelledby={id}
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onClose();
      }}
    >
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        <IconButton icon={CloseIcon} label={t("close")} onClick={onClose} />
      </header>
      <div class="drawer-body">{children}</div>
    </aside>
  );
}
