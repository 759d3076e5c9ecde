// What microphone and camera have in common: the device that was picked, the list, and giving a stream back.

/** The device picked in this tab; storage may be refused in a frame. */
export function remembered(key: string): { get(): string; set(id: string): void } {
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
        // Then it holds for this widget alone.
      }
    },
  };
}

/** The devices of a kind, or null where they cannot be listed: a list is a convenience. */
export async function listed(kind: MediaDeviceKind): Promise<{ id: string; label: string }[] | null> {
  try {
    const found = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return found
      .filter((device) => device.kind === kind && device.deviceId !== "")
      .map((device) => ({ id: device.deviceId, label: device.label }));
  } catch {
    return null;
  }
}

export function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) {
    track.stop();
  }
}
