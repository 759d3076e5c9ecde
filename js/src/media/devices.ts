// What microphone, camera and screen have in common: asking for a device, releasing it, and saying why there is none.

import type { Scope } from "../scope.ts";
import type { DeviceInfo, Notice } from "../state.ts";

/** Why there is no device. */
export interface DeviceProblem<S> {
  /** The state that the device is in then. */
  state: S;
  /** The browser's name for the error; "" where the page itself found the problem. */
  detail: string;
  notice: Notice;
}

export interface DeviceHandlers<S> {
  onState(state: "asking" | "on" | "off" | S, detail: string): void;
  onDevices(devices: DeviceInfo[], deviceId: string): void;
  onProblem(problem: DeviceProblem<S>): void;
}

/** How a device is taken. */
interface DeviceRequest<C, S> {
  ask(deviceId: string): Promise<MediaStream>;
  /** Connects the stream to what uses it until `scope` ends; null where it ended meanwhile. */
  connect(stream: MediaStream, track: MediaStreamTrack, scope: Scope): Promise<C | null> | C;
  explain(error: unknown): DeviceProblem<S>;
  /** The permission that it takes, if a person gives it once and for all. */
  permission?: "microphone" | "camera";
}

/** One device at a time, from the click to its release. */
export class DeviceCapture<C, S> {
  readonly #parent: Scope;
  readonly #kind: MediaDeviceKind;
  readonly #memory: ReturnType<typeof rememberedDevice>;
  readonly #handlers: DeviceHandlers<S>;
  /** Ends with the release: a grant that comes later is given back at once. */
  #scope: Scope | null = null;
  #connection: C | null = null;
  #deviceId: string;

  /** `storageKey` is where the picked device is remembered for this tab. */
  constructor(scope: Scope, kind: MediaDeviceKind, storageKey: string, handlers: DeviceHandlers<S>) {
    this.#parent = scope;
    this.#kind = kind;
    this.#memory = rememberedDevice(storageKey);
    this.#handlers = handlers;
    this.#deviceId = this.#memory.get();
    scope.add(() => this.stop());
    if (navigator.mediaDevices) {
      scope.listen(navigator.mediaDevices, "devicechange", () => void this.#list());
    }
  }

  /** True from the click until the device is released. */
  get isWanted(): boolean {
    return this.#scope !== null;
  }

  /** What the device is connected to; null unless it is on. */
  get connection(): C | null {
    return this.#connection;
  }

  /** Takes a device in place of the one that is on. To be called from a click or a key only. */
  async start(request: DeviceRequest<C, S>): Promise<void> {
    this.stop();
    if (this.#parent.disposed) {
      return;
    }
    const scope = this.#parent.child();
    this.#scope = scope;
    this.#handlers.onState("asking", "");
    const fail = (error: unknown) => {
      if (!scope.disposed) {
        this.#release();
        const problem = request.explain(error);
        this.#handlers.onProblem(problem);
        this.#handlers.onState(problem.state, problem.detail);
      }
    };
    try {
      const stream = await request.ask(this.#deviceId);
      scope.add(() => stopTracks(stream));
      const track = stream.getTracks()[0];
      if (!track) {
        throw new DOMException("", "NotFoundError");
      }
      const { deviceId } = track.getSettings?.() ?? {};
      scope.listen(track, "ended", () => {
        fail(new DOMException("", TRACK_ENDED));
        void this.#tellWhyEnded(request, deviceId);
      });
      const connection = scope.disposed ? null : await request.connect(stream, track, scope);
      if (connection !== null && !scope.disposed) {
        this.#connection = connection;
        this.#handlers.onState("on", "");
        await this.#list();
      }
    } catch (error) {
      fail(error);
    }
  }

  /** Releases the device, whatever state it is in, so that the browser's indicator goes out. */
  stop(): void {
    if (this.#scope) {
      this.#release();
      this.#handlers.onState("off", "");
    }
  }

  /** Uses another device from the next start on. */
  pick(deviceId: string): void {
    this.#deviceId = deviceId;
    this.#memory.set(deviceId);
    void this.#list();
  }

  #release(): void {
    const scope = this.#scope;
    this.#scope = null;
    this.#connection = null;
    scope?.dispose();
  }

  /** The device ended by itself and was given back: names the cause, if it can be found out. */
  async #tellWhyEnded(request: DeviceRequest<C, S>, deviceId: string | undefined): Promise<void> {
    const cause = request.permission && (await causeOfEnd(request.permission, this.#kind, deviceId));
    if (cause && !this.isWanted && !this.#parent.disposed) {
      this.#handlers.onProblem(request.explain(new DOMException("", cause)));
    }
  }

  async #list(): Promise<void> {
    const devices = await listDevices(this.#kind);
    if (devices) {
      this.#handlers.onDevices(devices, this.#deviceId);
    }
  }
}

/** The device picked in this tab; a frame may be denied storage. */
function rememberedDevice(key: string): { get(): string; set(id: string): void } {
  return {
    get() {
      try {
        return sessionStorage.getItem(key) ?? "";
      } catch {
        return "";
      }
    },
    set(id) {
      try {
        sessionStorage.setItem(key, id);
      } catch {
        // Then only this widget remembers it.
      }
    },
  };
}

/** The devices of a kind, or null where they cannot be listed: the default device still works. */
async function listDevices(kind: MediaDeviceKind): Promise<DeviceInfo[] | null> {
  try {
    const found = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return found
      .filter((device) => device.kind === kind && device.deviceId !== "")
      .map((device) => ({ id: device.deviceId, label: device.label }));
  } catch {
    return null;
  }
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) {
    track.stop();
  }
}

/** Whether this page has what devices are asked for with. */
const canAsk = () => globalThis.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);

/** Whether this page can have no microphone, whatever the person allows. */
export function isBarred(): boolean {
  return !canAsk() || !isAllowed("microphone");
}

/** Asks for the picked device, or for any where that one is gone. */
export async function requestDevice(
  kind: "audio" | "video",
  constraints: MediaTrackConstraints,
  deviceId: string,
): Promise<MediaStream> {
  if (!canAsk()) {
    throw new DOMException("", NOT_SECURE);
  }
  const ask = (track: MediaTrackConstraints) => navigator.mediaDevices.getUserMedia({ [kind]: track });
  if (deviceId === "") {
    return ask(constraints);
  }
  try {
    return await ask({ ...constraints, deviceId: { exact: deviceId } });
  } catch (error) {
    if (["OverconstrainedError", "NotFoundError"].includes(errorName(error))) {
      return ask(constraints);
    }
    throw error;
  }
}

/** Errors of this page's own, beside the browser's. */
export const NOT_SECURE = "NotSecure";
export const TRACK_ENDED = "TrackEnded";
export const UNPLUGGED = "Unplugged";
export const PERMISSION_GONE = "PermissionGone";

/** Why a device ended by itself; null where neither the permissions nor the list of devices say so. */
async function causeOfEnd(
  permission: "microphone" | "camera",
  kind: MediaDeviceKind,
  deviceId: string | undefined,
): Promise<typeof UNPLUGGED | typeof PERMISSION_GONE | null> {
  try {
    const { state } = await navigator.permissions.query({ name: permission as PermissionName });
    if (state !== "granted") {
      return PERMISSION_GONE;
    }
  } catch {
    // Not every browser tells of this permission.
  }
  const devices = await listDevices(kind);
  return deviceId && devices && !devices.some(({ id }) => id === deviceId) ? UNPLUGGED : null;
}

type Reason =
  | "refused"
  | "blocked"
  | "missing"
  | "busy"
  | "ended"
  | "unplugged"
  | "revoked"
  | "failed"
  | "not-secure";
type Device = "microphone" | "camera";

/** For each reason the state of the device. */
const STATES = {
  refused: "refused",
  blocked: "refused",
  "not-secure": "refused",
  missing: "missing",
  busy: "off",
  ended: "off",
  unplugged: "off",
  revoked: "refused",
  failed: "off",
} as const satisfies Record<Reason, string>;

export type AbsentState = (typeof STATES)[Reason];

/** For each reason the text of the notice. */
export type ProblemTexts = Record<Reason, string>;

/** The codes of a device's notices: `camera-busy`. Without a secure address the microphone's is about the page. */
function codeOf(device: Device, reason: Reason): string {
  // A cause that is found out takes the place of the notice that names none.
  const name = reason === "unplugged" || reason === "revoked" ? "ended" : reason;
  return `${device === "microphone" && name === "not-secure" ? "page" : device}-${name}`;
}

export function problemCodes(device: Device): string[] {
  return [...new Set(Object.keys(STATES).map((reason) => codeOf(device, reason as Reason)))];
}

/** By the names of the errors that `getUserMedia` fails with, from the specification "Media Capture and Streams". */
const REASONS: Record<string, Reason> = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  // The former name of NotAllowedError in Chrome.
  PermissionDeniedError: "refused",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
  [NOT_SECURE]: "not-secure",
  [TRACK_ENDED]: "ended",
  [UNPLUGGED]: "unplugged",
  [PERMISSION_GONE]: "revoked",
};

export function errorName(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : "";
}

/** The problem that an error stands for; `isAllowed` says whether the frame may have the device at all. */
export function explainProblem(
  error: unknown,
  device: Device,
  texts: ProblemTexts,
  isAllowed: () => boolean,
): DeviceProblem<AbsentState> {
  const name = errorName(error);
  const known = Object.hasOwn(REASONS, name) ? REASONS[name]! : "failed";
  const reason = known === "refused" && !isAllowed() ? "blocked" : known;
  const ours = [NOT_SECURE, TRACK_ENDED, UNPLUGGED, PERMISSION_GONE];
  const detail = ours.includes(name) ? "" : name;
  const notice: Notice = { level: "error", code: codeOf(device, reason), text: texts[reason] };
  return { state: STATES[reason], detail, notice };
}

interface Policy {
  allowsFeature(name: string): boolean;
}

/** Whether the permissions policy of this frame allows a device; true where that cannot be found out. */
export function isAllowed(device: Device): boolean {
  const page = globalThis.document as
    | (Document & { permissionsPolicy?: Policy; featurePolicy?: Policy })
    | undefined;
  const policy = page?.permissionsPolicy ?? page?.featurePolicy;
  try {
    return policy?.allowsFeature(device) ?? true;
  } catch {
    return true;
  }
}
