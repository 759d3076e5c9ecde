// A scenario for Voximplant's cloud (VoxEngine): passes phone calls on to a livewidget, whose `answer_calls` is the other end.
//
// It answers a call once the other end says "ready", and rejects it as busy if that refuses or cannot be reached. To the
// other end it sends the caller's sound and number, and the keys that are pressed; from there it plays the model's sound,
// drops what is not played yet when the model is interrupted, and hangs up.

const ADDRESS = "wss://phone.example/?secret=…";

VoxEngine.addEventListener(AppEvents.CallAlerting, ({ call }) => {
  let answered = false;
  let gone = false;
  let over = false;
  // `privacy` keeps the address, which holds a secret, out of the session's log.
  const socket = VoxEngine.createWebSocket(ADDRESS, { privacy: true });

  const end = (why) => {
    if (over) {
      return;
    }
    over = true;
    Logger.write(`livewidget: ${why}`);
    socket.close();
    if (!gone && answered) {
      call.hangup();
    } else if (!gone) {
      call.reject(486);
    }
    VoxEngine.terminate();
  };

  const onMessage = (message) => {
    switch (message.customEvent) {
      case "ready":
        answered = true;
        call.answer();
        break;
      case "clear_media_buffer":
        socket.clearMediaBuffer(message.tag ? { tag: message.tag } : {});
        break;
      case "warning":
        Logger.write(`livewidget: ${message.reason}`);
        break;
      case "refused":
      case "hang_up":
        end(message.reason);
        break;
    }
  };

  call.addEventListener(CallEvents.Connected, () => {
    call.handleTones(true);
    call.sendMediaTo(socket, {
      encoding: WebSocketAudioEncoding.PCM16_16KHZ,
      tag: "call",
      customParameters: { caller: call.callerid() },
    });
    socket.sendMediaTo(call);
  });
  call.addEventListener(CallEvents.ToneReceived, ({ tone }) => {
    socket.send(JSON.stringify({ customEvent: "dtmf", tone }));
  });
  for (const event of [CallEvents.Disconnected, CallEvents.Failed]) {
    call.addEventListener(event, () => {
      gone = true;
      end("the caller hung up");
    });
  }

  socket.addEventListener(WebSocketEvents.MESSAGE, ({ text }) => {
    let message = {};
    try {
      message = JSON.parse(text);
    } catch {
      Logger.write("livewidget: a message was not JSON");
    }
    onMessage(message);
  });
  socket.addEventListener(WebSocketEvents.ERROR, () => end("the other end cannot be reached"));
  socket.addEventListener(WebSocketEvents.CLOSE, ({ reason }) => end(reason || "the other end is gone"));
});
