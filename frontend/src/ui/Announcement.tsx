/** Text that a screen reader speaks when it changes, and that nobody sees. */
export function Announcement({ children }: { readonly children: string }) {
  return (
    <p role="status" className="visually-hidden">
      {children}
    </p>
  );
}
