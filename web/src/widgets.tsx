// Controls that several places use.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { ChevronIcon, CloseIcon } from "./icons";
import type { Icon } from "./icons";
import { t } from "./texts";
import "./widgets.css";

interface SliderProps {
  label: string;
  value: number;
  low: number;
  high: number;
  step: number;
  shown: string; // the value in words
  hint?: string;
  disabled?: boolean;
  onInput: (value: number) => void;
  onReset: () => void;
}

/** A slider with its value; double click sets it back. */
export function Slider({
  label,
  value,
  low,
  high,
  step,
  shown,
  hint,
  disabled = false,
  onInput,
  onReset,
}: SliderProps) {
  const id = useId();
  const share = ((value - low) / (high - low)) * 100;
  return (
    <div class="field" title={hint} onDblClick={onReset}>
      <label class="field-label" for={id}>
        {label}
      </label>
      <output class="field-value" for={id}>
        {shown}
      </output>
      <input
        id={id}
        class="slider"
        type="range"
        min={low}
        max={high}
        step={step}
        value={value}
        disabled={disabled}
        aria-description={hint}
        aria-valuetext={shown}
        style={{ "--share": `${share}%` }}
        onInput={(event) => onInput(Number(event.currentTarget.value))}
        onKeyDown={(event) => {
          if (event.key === "Delete" || event.key === "Backspace") onReset();
        }}
      />
    </div>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T | ""; // "": none of them
  choices: readonly { value: T; label: string; hint?: string }[];
  onChange: (value: T) => void;
  onReset?: () => void;
}

/** One of two to four values, side by side. */
export function Choice<T extends string>({ label, value, choices, onChange, onReset }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="field choice" onDblClick={onReset}>
      <legend class="field-label">{label}</legend>
      <div class="segments">
        {choices.map((choice) => (
          <label key={choice.value} class="segment" title={choice.hint}>
            <input type="radio" name={name} checked={choice.value === value} onChange={() => onChange(choice.value)} />
            <span>{choice.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface IconButtonProps {
  icon: Icon;
  label: string;
  hint?: string; // shown instead of the label
  keys?: string;
  pressed?: boolean;
  disabled?: boolean;
  size?: number;
  onClick: (event: MouseEvent & { currentTarget: HTMLButtonElement }) => void;
}

/** A button with an icon only; its label is read aloud, and shown on hover with its key. */
export function IconButton({ icon: Shape, label, hint = label, keys, pressed, disabled, size = 20, onClick }: IconButtonProps) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={keys}
      title={keys ? `${hint} (${keys})` : hint}
      disabled={disabled}
      onClick={onClick}
    >
      <Shape size={size} />
    </button>
  );
}

interface DialogProps {
  title: string;
  wide?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

/** A window over the page, which takes the focus and gives it back. */
export function Dialog({ title, wide = false, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === ref.current) onClose(); // beside it
      }}
    >
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <IconButton icon={CloseIcon} label={t("close")} onClick={onClose} />
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

interface SelectProps {
  label: string;
  value: string;
  choices: readonly { value: string; label: string }[];
  hint?: string;
  onChange: (value: string) => void;
  onReset?: () => void;
}

/** One of many values. */
export function Select({ label, value, choices, hint, onChange, onReset }: SelectProps) {
  const id = useId();
  return (
    <div class="field select" title={hint} onDblClick={onReset}>
      <label class="field-label" for={id}>
        {label}
      </label>
      <div class="select-box">
        <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
        <ChevronIcon size={16} />
      </div>
    </div>
  );
}

interface NumberFieldProps {
  label: string;
  value: number;
  low: number | null;
  high: number | null;
  step: number | "any";
  hint?: string;
  after?: ComponentChildren;
  onInput: (value: number) => void;
  onReset: () => void;
}

/** A number that is typed; what is outside of its limits is not taken. */
export function NumberField({ label, value, low, high, step, hint, after, onInput, onReset }: NumberFieldProps) {
  const id = useId();
  return (
    <div class="field number" title={hint} onDblClick={onReset}>
      <label class="field-label" for={id}>
        {label}
      </label>
      <div class="number-box">
        <input
          id={id}
          type="number"
          value={value}
          min={low ?? undefined}
          max={high ?? undefined}
          step={step}
          onInput={(event) => {
            const { valueAsNumber, validity } = event.currentTarget;
            if (validity.valid && !Number.isNaN(valueAsNumber)) onInput(valueAsNumber);
          }}
        />
        {after}
      </div>
    </div>
  );
}
