// A choice of one file, whose size is looked at before it is read.
function render({ model, el }) {
  el.classList.add("gsv-upload");
  const label = element("label", "gsv-upload-label", `${model.get("label")} `);
  const input = label.appendChild(element("input", "gsv-upload-file"));
  const message = element("span", "gsv-upload-message");
  input.type = "file";
  input.accept = model.get("accept");
  message.setAttribute("role", "status");
  el.append(label, message);

  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file) return;
    input.disabled = true;
    try {
      const sender = new Sender(model, { name: file.name });
      if (file.size > model.get("most")) {
        await sender.problem("TooLarge", String(file.size));
      } else {
        for (let at = 0; at < file.size; at += PIECE) {
          sender.piece(await file.slice(at, at + PIECE).arrayBuffer());
          message.textContent = ` ${Math.round((100 * at) / file.size)} %`;
        }
        await sender.end();
      }
      message.textContent = "";
    } catch (error) {
      message.textContent = ` ${error.message}`;
    }
    input.value = ""; // the same file can be chosen again
    input.disabled = false;
  });
}

export default { render };
