; Installer for Windows: makensis /DVERSION=0.1.0 /DFROZEN=dist\marview /DOUTPUT=dist\marview-0.1.0-setup.exe marview.nsi
; Installs for one user, without administrator rights. Removal takes what was installed and leaves the user's data.
Unicode true
!include "MUI2.nsh"
!include "FileFunc.nsh"

!ifndef VERSION
  !error "Say /DVERSION=..."
!endif
!ifndef FROZEN
  !error "Say /DFROZEN=..., the folder that PyInstaller made"
!endif
!ifndef OUTPUT
  !define OUTPUT "marview-${VERSION}-setup.exe"
!endif
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\marview"

Name "marview ${VERSION}"
OutFile "${OUTPUT}"
InstallDir "$LOCALAPPDATA\Programs\marview"
InstallDirRegKey HKCU "Software\marview" "Folder"
RequestExecutionLevel user
SetCompressor /SOLID lzma
ManifestDPIAware true

!define MUI_ABORTWARNING
!insertmacro MUI_PAGE_LICENSE "../../LICENSE"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

Section "marview"
  ; A folder of its own, always called marview, so that removal can take all of it.
  ${GetFileName} "$INSTDIR" $0
  StrCmp $0 "marview" +2
    StrCpy $INSTDIR "$INSTDIR\marview"
  RMDir /r "$INSTDIR\_internal"
  SetOutPath "$INSTDIR"
  File /r "${FROZEN}/*.*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\marview.lnk" "$INSTDIR\marview-window.exe"

  WriteRegStr HKCU "Software\marview" "Folder" "$INSTDIR"
  WriteRegStr HKCU "Software\Classes\Applications\marview-window.exe\shell\open\command" "" '"$INSTDIR\marview-window.exe" "%1"'
  WriteRegStr HKCU "Software\Classes\Applications\marview-window.exe\SupportedTypes" ".dcm" ""
  WriteRegStr HKCU "Software\Classes\Applications\marview-window.exe\SupportedTypes" ".nii" ""
  WriteRegStr HKCU "Software\Classes\Applications\marview-window.exe\SupportedTypes" ".gz" ""
  WriteRegStr HKCU "Software\Classes\.dcm\OpenWithList\marview-window.exe" "" ""
  WriteRegStr HKCU "Software\Classes\.nii\OpenWithList\marview-window.exe" "" ""

  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "marview"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\marview-window.exe"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  IntFmt $0 "0x%08X" $0
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" "$0"
SectionEnd

Section "Uninstall"
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\marview.exe"
  Delete "$INSTDIR\marview-window.exe"
  Delete "$INSTDIR\NOTICES.txt"
  Delete "$INSTDIR\sbom.cdx.json"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\marview.lnk"
  DeleteRegKey HKCU "Software\Classes\Applications\marview-window.exe"
  DeleteRegKey HKCU "Software\Classes\.dcm\OpenWithList\marview-window.exe"
  DeleteRegKey HKCU "Software\Classes\.nii\OpenWithList\marview-window.exe"
  DeleteRegKey HKCU "${UNINSTALL}"
  DeleteRegKey HKCU "Software\marview"
SectionEnd
